#!/usr/bin/env bash
# Pictures of a run's report for the README: docs/images.sh REPORT.html (needs Debian's chromium).
set -euo pipefail
report=$(realpath "$1")
here=$(cd "$(dirname "$0")" && pwd)/img
mkdir -p "$here"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
shoot() { # name, height of the picture, where in the page it begins
	cat >"$work/window.html" <<-PAGE
		<body style="margin:0;overflow:hidden"><iframe src="file://$report" scrolling="no"
		style="border:0;width:1200px;height:6000px;position:absolute;top:-$3px"></iframe></body>
	PAGE
	chromium --headless --no-sandbox --disable-gpu --disable-background-networking --disable-component-update \
		--disable-sync --no-first-run --hide-scrollbars --user-data-dir="$work/profile" \
		--window-size="1200,$2" --screenshot="$here/$1" "file://$work/window.html" 2>/dev/null
}
shoot report-top.png 1130 0
shoot trace.png 490 1220

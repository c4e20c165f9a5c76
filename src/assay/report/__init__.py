"""The same run for a terminal, a page and a picture.

``console.render_run`` prints it, ``html.write_report`` makes one self-contained file, and ``charts``,
``curves`` and ``heatmap`` draw the pictures. All of them take the dict of ``run.json``, any part of
which may be missing: what is missing is named, never filled in.
"""

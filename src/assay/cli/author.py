"""The language model that an option of the command line names."""

from typing import TYPE_CHECKING

from assay.errors import InputError

if TYPE_CHECKING:
    from assay.events import Emit
    from assay.generators.llm.author import Author
    from assay.runs.home import Home


def author_of(
    home: "Home",
    option: str,
    name: str,
    base_url: str | None,
    timeout: float | None,
    asked_for: str,
    emit: "Emit",
) -> "Author":
    """The model that ``--option name`` stands for. Raises InputError where what belongs to a server is given beside a
    model that needs none; else as ``generators.llm.author.author``."""
    from assay.generators.llm.author import author
    from assay.generators.means import means_in

    for other, value in (("base-url", base_url), ("timeout", timeout)):
        if value is not None and name.strip().startswith("local:"):
            raise InputError(
                f"--{other} with --{option} {name.strip()}",
                "a language model at a server",
                f"leave out --{other}, or name a server's model: --{option} llm:MODEL",
            )
    return author(name, means_in(home.cache, base_url, timeout, emit), asked_for)

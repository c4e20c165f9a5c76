"""The errors that assay raises on purpose.

AssayError
└── InputError          the user can fix it: shown without a traceback, exit status 2
    ├── RequestError    an edit request that cannot mean anything (subject absent, empty target, ...)
    ├── ModelError      a model, family, layer or weight file that cannot be used
    ├── GeneratorError  a generator or relation that does not exist or cannot make probes
    ├── StoreError      a database or run folder that cannot be read or written
    ├── MissingPackage  an optional package is not installed
    └── Mismatch        an Edit and a Model that do not belong together
"""


class AssayError(Exception):
    """Base of everything assay raises on purpose."""


class InputError(AssayError):
    """Something a user can fix: says what came, what was wanted and what to do.

    The three parts are kept apart so that a page, a terminal and ``--json`` can lay them out.
    """

    def __init__(self, came: str, wanted: str, todo: str) -> None:
        self.came = came
        self.wanted = wanted
        self.todo = todo
        super().__init__(f"{came}\n  wanted: {wanted}\n  to do:  {todo}")


class RequestError(InputError):
    """An edit request that cannot mean anything."""


class ModelError(InputError):
    """A model, family, layer or weight file that cannot be used."""


class GeneratorError(InputError):
    """A generator or relation that does not exist or cannot make probes."""


class StoreError(InputError):
    """A database or run folder that cannot be read or written."""


class MissingRun(StoreError):
    """A run that is not stored."""


class MissingPackage(InputError):
    """An optional package is not installed; ``todo`` holds the install line."""


class Mismatch(InputError):
    """An Edit and a Model that do not belong together."""


def in_words(error: BaseException) -> str:
    """What a run records about the error that ended it; any but ours needs its type to be understood."""
    return str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {error}"


def first_line(error: BaseException) -> str:
    """What another library's error says, short enough for a message of ours; its type where it says nothing."""
    words = str(error).strip()
    return words.splitlines()[0][:200] if words else type(error).__name__

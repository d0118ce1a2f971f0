"""Where the files that are no Python lie: `idl/`, `migrations/`, `config/`.

A checkout reads them in place, so that an edit counts at once; a wheel carries copies inside the
package. A checkout is known by its pyproject.toml beside the package, never by the current folder.
"""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def checkout() -> Path | None:
    """The root of the checkout this program runs from; None for an installed wheel."""
    root = _PACKAGE.parent
    return root if (root / "pyproject.toml").is_file() and (root / "migrations").is_dir() else None


def resource(name: str) -> Path:
    """The folder or file `name`, such as "idl" or "config/default.toml". Raises FileNotFoundError."""
    path = (checkout() or _PACKAGE / "_resources") / name
    if not path.exists():
        raise FileNotFoundError(f"{path}: this installation lacks {name}")
    return path

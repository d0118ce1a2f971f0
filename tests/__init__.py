"""The tests, as a package: `from tests.shared import SHARED` works from any folder."""

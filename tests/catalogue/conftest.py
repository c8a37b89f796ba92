"""An embedded server's home, and those who use it; all end with the test."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from embedded_users import Users, end


@pytest.fixture
def users() -> Iterator[Users]:
    users = Users()
    yield users
    users.end()


@pytest.fixture
def home(tmp_path: Path, users: Users) -> Iterator[Path]:
    home = tmp_path / "home"
    yield home
    users.end()
    end(home)

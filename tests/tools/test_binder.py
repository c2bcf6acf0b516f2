"""What Binder would build from the project, by repo2docker's own rules. Nothing is built here."""

from __future__ import annotations

from pathlib import Path

import pytest
from packaging.version import Version
from repo2docker.app import Repo2Docker
from repo2docker.buildpacks import CondaBuildPack

ROOT = Path(__file__).parents[2]


def test_it_takes_condas_file_a_python_that_we_test_and_the_whole_repository(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(ROOT)
    app = Repo2Docker()
    packs = (kind(app.base_image) for kind in app.buildpacks)
    pack = next(pack for pack in packs if pack.detect())
    assert type(pack) is CondaBuildPack
    assert Version("3.11") <= Version(pack.python_version) <= Version("3.13")
    assert not pack._should_preassemble_env  # lessonkit itself is copied before it is installed
    pack.platform = "linux/amd64"
    built = pack.render({})
    assert built.index("COPY --chown=1000:1000 src/") < built.index('"binder/environment.yml"')
    # A path is resolved from the folder of the file.
    pips = pack.environment_yaml["dependencies"][-1]["pip"]
    assert pips == ["-e ..[lab]", "nbgitpuller"]

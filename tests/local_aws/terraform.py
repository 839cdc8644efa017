"""Terraform against the local AWS: the environment it needs and the errors people meet first."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from local_aws.errors import LocalAwsError
from local_aws.server import DEFAULT_REGION, WORK_FOLDER, LocalAws

PROVIDER = "hashicorp/aws"

# Here `make` puts a program that runs Terraform from a Python library, where PATH has no other.
LIBRARY_FOLDER = Path(sys.prefix) / "terraform"

SETTINGS = {
    "TF_IN_AUTOMATION": "1",
    "CHECKPOINT_DISABLE": "1",
    # Terraform and its provider live for seconds. To look for garbage a quarter as often spares a fifth
    # of their processor time, for 30 MB of 620.
    "GOGC": "400",
}

# Where machines without a registry keep provider mirrors. Never the whole disk: a search has to
# cost less than the `terraform init` it helps.
SYSTEM_FOLDERS = tuple(
    Path(folder)
    for folder in (
        "/opt",
        "/usr/local/share",
        "/usr/share",
        "/usr/local/lib",
        "/usr/lib",
        "/var/lib",
    )
)


@dataclass(frozen=True)
class Mirror:
    """A folder laid out as `host/hashicorp/aws/...`.

    https://developer.hashicorp.com/terraform/cli/config/config-file#provider-installation
    """

    folder: Path
    host: str

    def cli_configuration(self) -> str:
        """Terraform's CLI configuration that takes the AWS provider from here, others from home."""
        provider = f'"{self.host}/{PROVIDER}"'
        path = str(self.folder).replace("\\", "\\\\").replace('"', '\\"')
        return (
            "provider_installation {\n"
            "  filesystem_mirror {\n"
            f'    path    = "{path}"\n'
            f"    include = [{provider}]\n"
            "  }\n"
            "  direct {\n"
            f"    exclude = [{provider}]\n"
            "  }\n"
            "}\n"
        )


def search_path(environ: Mapping[str, str]) -> str:
    """PATH, and behind it the library's folder: a terraform that the user has comes first."""
    return os.pathsep.join([environ.get("PATH") or os.defpath, str(LIBRARY_FOLDER)])


def find_terraform(environ: Mapping[str, str] = os.environ) -> str:
    """The path of the terraform program: the one on PATH, else the library's.

    Raises:
        LocalAwsError: there is none.
    """
    if found := shutil.which("terraform", path=search_path(environ)):
        return found
    raise LocalAwsError(
        "terraform was not found: `make terraform` installs it as a Python library, or install "
        "Terraform 1.9 or newer and put it on PATH "
        "(https://developer.hashicorp.com/terraform/install)."
    )


def command_environment() -> dict[str, str]:
    """The environment in which `terraform` finds its provider, for commands that call no AWS.

    Raises:
        LocalAwsError: terraform is missing, or TF_PLUGIN_DIR does not hold the provider.
    """
    find_terraform()
    path = {"PATH": search_path(os.environ)}
    return {**os.environ, **SETTINGS, **path, **provider_settings(os.environ)}


def environment(aws: LocalAws) -> dict[str, str]:
    """The environment in which `tflocal` and `terraform` work on the local AWS.

    Everything of the user's environment that could point Terraform elsewhere is overwritten, not
    left out, because tftest merges what it is given into the environment of its own process.

    Args:
        aws: a started local AWS.

    Raises:
        LocalAwsError: terraform is missing, or TF_PLUGIN_DIR does not hold the provider.
    """
    environ = dict(os.environ)
    find_terraform(environ)
    host = aws.endpoint_url.split("://", 1)[-1].split("/", 1)[0].rsplit(":", 1)[0]
    programs = Path(sys.executable).parent  # tflocal is installed next to Python
    return {
        **environ,
        "PATH": os.pathsep.join([str(programs), search_path(environ)]),
        "AWS_ENDPOINT_URL": aws.endpoint_url,
        "AWS_CA_BUNDLE": str(aws.ca_bundle or ""),
        # tflocal's default is a public name that has to be resolved. A host without the prefix
        # "s3." makes it choose path-style addresses, with which any bucket name works.
        "S3_HOSTNAME": host,
        # Let a provider block choose its account by a 12-digit access_key ...
        "CUSTOMIZE_ACCESS_KEY": "1",
        # ... which tflocal only looks at when the environment has none.
        "AWS_ACCESS_KEY_ID": "",
        "AWS_SECRET_ACCESS_KEY": "",
        "AWS_SESSION_TOKEN": "",
        "AWS_PROFILE": "",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_REGION": DEFAULT_REGION,
        "AWS_DEFAULT_REGION": DEFAULT_REGION,
        "DISABLE_DEPRECATION_NOTICE": "1",
        "TF_INPUT": "0",
        # The provider waits 25 s for every queue, and Terraform does ten things at once.
        "TF_CLI_ARGS_apply": "-parallelism=60",
        "TF_CLI_ARGS_destroy": "-parallelism=60",
        **SETTINGS,
        **provider_settings(environ),
    }


def provider_settings(
    environ: Mapping[str, str],
    *,
    home: Path | None = None,
    system_folders: Iterable[Path] = SYSTEM_FOLDERS,
    work_folder: Path = WORK_FOLDER,
) -> dict[str, str]:
    """The variables that let Terraform find the AWS provider.

    The first that applies of: TF_PLUGIN_DIR; the user's own CLI configuration; a folder where
    Terraform looks anyway; a mirror in a system-wide folder; the registry.

    Args:
        environ: the environment to start from.
        home: the user's home folder; None asks the system.
        system_folders: folders whose subfolders may be mirrors.
        work_folder: where generated files go.

    Raises:
        LocalAwsError: TF_PLUGIN_DIR does not hold the provider.
    """
    home = home or Path.home()
    if plugin_dir := environ.get("TF_PLUGIN_DIR"):
        mirror = _mirror_in(Path(plugin_dir))
        if mirror is None:
            raise LocalAwsError(
                f"TF_PLUGIN_DIR is {plugin_dir}, which does not hold REGISTRY-HOST/{PROVIDER}."
            )
        return _use(mirror, work_folder)

    settings = {}
    if configured := environ.get("TF_CLI_CONFIG_FILE"):
        if Path(configured).is_file():
            return {}
        # Terraform would warn about the missing file at every run, and not read ~/.terraformrc.
        settings["TF_CLI_CONFIG_FILE"] = ""
    if (home / ".terraformrc").is_file():
        return settings
    if any(_mirror_in(folder) for folder in _implied_folders(environ, home)):
        return settings
    for folder in system_folders:
        for candidate in sorted(folder.glob(f"*/*.*/{PROVIDER}")):
            return _use(Mirror(candidate.parents[2], candidate.parents[1].name), work_folder)
    if not environ.get("TF_PLUGIN_CACHE_DIR"):
        # One download instead of one per folder. Terraform takes a provider from its cache only
        # if the lock file knows it already, unless told that this file does not matter: here it
        # does not, it is not even kept.
        cache = work_folder / "providers"
        cache.mkdir(parents=True, exist_ok=True)
        settings["TF_PLUGIN_CACHE_DIR"] = str(cache)
        settings["TF_PLUGIN_CACHE_MAY_BREAK_DEPENDENCY_LOCK_FILE"] = "1"
    return settings


def init(folder: Path, environ: Mapping[str, str]) -> None:
    """Run `terraform init` in a folder.

    Args:
        folder: a root module.
        environ: from `environment`.

    Raises:
        LocalAwsError: it failed; without a way to get the provider, the sentence says what to do.
    """
    run = subprocess.run(
        [find_terraform(environ), "init", "-input=false", "-no-color"],
        cwd=folder,
        env=dict(environ),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if run.returncode:
        raise LocalAwsError(explain_init_failure(run.stdout) or run.stdout.strip())


def explain_init_failure(output: str) -> str | None:
    """One sentence for a failed `terraform init` if the provider is the reason, else None.

    Args:
        output: what Terraform printed.
    """
    titles = ("Failed to query available provider packages", "Failed to install provider")
    if not any(title in output for title in titles):
        return None
    return (
        f"Terraform cannot get its provider {PROVIDER}: connect this machine to the registry, or "
        f"set TF_PLUGIN_DIR to a folder that holds REGISTRY-HOST/{PROVIDER} in a version that "
        "versions.tf allows."
    )


def _mirror_in(folder: Path) -> Mirror | None:
    for candidate in sorted(folder.glob(f"*.*/{PROVIDER}")):
        return Mirror(folder.resolve(), candidate.parents[1].name)
    return None


def _implied_folders(environ: Mapping[str, str], home: Path) -> list[Path]:
    """Where Terraform looks without being told, its working directory aside.

    https://developer.hashicorp.com/terraform/cli/config/config-file#implied-local-mirror-directories
    """
    if sys.platform == "darwin":
        support = Path("Library/Application Support/io.terraform/plugins")
        return [home / ".terraform.d/plugins", home / support, Path("/") / support]
    data_home = environ.get("XDG_DATA_HOME") or str(home / ".local/share")
    data_folders = environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share"
    return [
        home / ".terraform.d/plugins",
        *(Path(folder) / "terraform/plugins" for folder in (data_home, *data_folders.split(":"))),
    ]


def _use(mirror: Mirror, work_folder: Path) -> dict[str, str]:
    work_folder.mkdir(parents=True, exist_ok=True)
    file = work_folder / "terraform.tfrc"
    file.write_text(mirror.cli_configuration())
    return {"TF_CLI_CONFIG_FILE": str(file)}

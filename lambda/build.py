"""Builds lambda/function.zip from lambda/fanout, the same bytes on every machine.

The zip is committed, so that applying the module runs nothing and needs nothing but Terraform. Names
are sorted, dates and modes fixed and nothing is compressed: compressors differ between versions.

    python lambda/build.py           write the zip
    python lambda/build.py --check   exit with 1 when the committed zip is not what would be written
"""

from __future__ import annotations

import argparse
import io
import sys
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ZIP = HERE / "function.zip"
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date a zip can hold
REGULAR_FILE_0644 = 0o100644 << 16
UNIX = 3


def build() -> bytes:
    """The zip's bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        names = (path.relative_to(HERE).as_posix() for path in (HERE / "fanout").rglob("*.py"))
        for name in sorted(names):
            entry = zipfile.ZipInfo(name, date_time=EPOCH)
            entry.external_attr = REGULAR_FILE_0644
            entry.create_system = UNIX
            archive.writestr(entry, (HERE / name).read_bytes())
    return buffer.getvalue()


def main() -> int:
    """Run the command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    if not parser.parse_args().check:
        ZIP.write_bytes(build())
        return 0
    if ZIP.is_file() and ZIP.read_bytes() == build():
        return 0
    print(f"{ZIP.name} is not what lambda/fanout builds to: run `make zip` and commit it")
    return 1


if __name__ == "__main__":
    sys.exit(main())

"""A deployment folder as a wheel: pip installs it on a board, PYNQ and bitpan find it by its name.

PYNQ looks for ``NAME.bit`` in the folders of the modules that entry points of the group ``pynq.overlays`` name, and in
folders called ``NAME`` there; ``NAME.hwh`` lies beside it. The wheel's module is such a folder with the deployment
folder in it. A wheel is a zip archive with a list of its files (PyPA, binary distribution format 1.0).
"""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
import tempfile
import zipfile
from pathlib import Path

from bitpan import __version__
from bitpan.errors import BuildError
from bitpan.files import partial, write_json
from bitpan.intake.documents import read_document
from bitpan.intake.sums import CHECKSUMS, write_sums
from bitpan.package import DESCRIPTION, OVERLAYS, SCHEMA, TOOLS_OWN, Package

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?")
_WHEN = (1980, 1, 1, 0, 0, 0)  # the same folder gives the same wheel


def write_wheel(folder: Path, name: str, target: Path) -> Path:
    """Pack a finished deployment folder under a name into the folder ``target``; the wheel's path.

    Raises:
        ModelError: the folder is not as ``bitpan build`` left it.
        BuildError: it has no bitstream yet, or the name is none that PYNQ and pip can both find.
    """
    if not _NAME.fullmatch(name):
        raise BuildError(f"{name!r}: a wheel's name has letters, digits, - and _ between them; give another --name")
    package = Package.load(folder)
    if not package.bitstream.is_file():
        raise BuildError(f"{package.bitstream}: is not there yet; finish the build where Vivado is (build.tcl)")
    module = f"bitpan_overlay_{re.sub('[-_]+', '_', name).lower()}"
    version = f"{__version__}+{package.digest[:8]}"
    with tempfile.TemporaryDirectory() as work:
        root = Path(work)
        _copy(package, root / module / name)
        what = f"The accelerator {name}, a deployment folder that bitpan built."
        (root / module / "__init__.py").write_text(f'"""{what}"""\n')
        info = root / f"{module}-{version}.dist-info"
        info.mkdir()
        # It names no requirement: pip would take any package of that name from an index.
        metadata = f"Metadata-Version: 2.1\nName: {module.replace('_', '-')}\nVersion: {version}\n"
        (info / "METADATA").write_text(f"{metadata}Summary: {what}\n")
        generator = f"Wheel-Version: 1.0\nGenerator: bitpan {__version__}\n"
        (info / "WHEEL").write_text(f"{generator}Root-Is-Purelib: true\nTag: py3-none-any\n")
        (info / "entry_points.txt").write_text(f"[{OVERLAYS}]\n{name} = {module}\n")
        target.mkdir(parents=True, exist_ok=True)
        path = target / f"{module}-{version}-py3-none-any.whl"
        with partial(path) as new:
            _archive(root, info / "RECORD", new)
    return path


def _copy(package: Package, target: Path) -> None:
    """The deployment folder without what tools left for themselves, its bitstream under the folder's new name."""

    def left(folder: str, names: list[str]) -> list[str]:
        own = Path(folder).relative_to(package.folder)
        return [each for each in names if f"{(own / each).as_posix()}/".startswith(TOOLS_OWN)]

    shutil.copytree(package.folder, target, ignore=left)
    (target / CHECKSUMS).unlink()
    for suffix in (".bit", ".hwh"):
        if (file := target / package.bitstream.with_suffix(suffix).name).is_file():
            file.rename(target / f"{target.name}{suffix}")
    document = read_document(target / DESCRIPTION, SCHEMA, "build it again")
    write_json(target / DESCRIPTION, document | {"bitstream": f"{target.name}.bit"})
    write_sums(target)


def _archive(root: Path, record: Path, path: Path) -> None:
    """All files below ``root``, and the record of them."""
    files = sorted(file for file in root.rglob("*") if file.is_file())
    lines = []
    for file in files:
        content, place = file.read_bytes(), file.relative_to(root).as_posix()
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        lines.append(f"{place},sha256={digest},{len(content)}\n")
    record.write_text("".join([*lines, f"{record.relative_to(root).as_posix()},,\n"]))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in [*files, record]:
            entry = zipfile.ZipInfo(file.relative_to(root).as_posix(), _WHEN)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(entry, file.read_bytes())

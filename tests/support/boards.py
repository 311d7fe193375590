"""What the boards' images would install, and whether their processors compute the same bits, without a board.

    python tests/support/boards.py            # asks the package index, for each image
    python tests/support/boards.py --emulate  # fuses on emulated Arm processors too; some ten minutes

The first takes the requirements that hold on an image, by their markers, and lets pip find wheels for what the image
does not have. It needs the network. The second makes a Debian of each Arm processor (64-bit and the PYNQ-Z2's 32-bit)
with its own NumPy and rasterio, unpacks bitpan's wheel there and compares with this machine. It needs root and Debian's
packages mmdebstrap and qemu-user-static. It proves neither the images themselves nor anything of the accelerator.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import tomllib
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parents[2]
CACHE = ROOT / "out" / "boards"


@dataclass(frozen=True)
class Image:
    """An image of PYNQ's: its processor, its Python, its C library, and what it has of what bitpan asks for."""

    machine: str
    python: str
    glibc: int  # 2.glibc
    has: dict[str, str]


IMAGES = {
    "PYNQ 3, pynq-z2": Image("armv7l", "3.10", 35, {"numpy": "1.21.5", "pynq": "3.0.1"}),
    "PYNQ 3, 64-bit boards": Image("aarch64", "3.10", 35, {"numpy": "1.21.5", "pynq": "3.0.1"}),
    "PYNQ 4, zcu104": Image("aarch64", "3.12", 39, {"numpy": "1.26.4", "pynq": "4.0.0"}),
}
"""Ubuntu 22.04 and 24.04 with their NumPy. pynq comes with the image: the index has its sources alone."""

PROCESSORS = {"armhf": ("arm", "arm-linux-gnueabihf"), "arm64": ("aarch64", "aarch64-linux-gnu")}
"""By Debian's name: qemu's name, and the folder of libraries."""

FUSE = """
import hashlib, json, pathlib, platform, sys, tempfile, warnings
import numpy as np, rasterio
import bitpan
warnings.simplefilter("ignore")
print(platform.machine(), "Python", platform.python_version(), "NumPy", np.__version__, "rasterio",
      rasterio.__version__, "GDAL", rasterio.__gdal_version__, file=sys.stderr)
rng, found = np.random.default_rng(7), {}
pan = rng.integers(0, 2048, (1, 64, 64)).astype(np.uint16)
folder = pathlib.Path(tempfile.mkdtemp())
for name, bands, ratio in (("s2bnet-flat", 4, 4), ("s2bnet", 4, 4), ("bnnpan", 4, 4), ("s2bnet-flat-8b4", 8, 4),
                           ("s2bnet-flat-4b2", 4, 2)):
    ms = rng.integers(0, 2048, (bands, 64 // ratio, 64 // ratio)).astype(np.uint16)
    for file, image, pixel in (("pan.tif", pan, 1), ("ms.tif", ms, ratio)):
        grid = dict(transform=rasterio.Affine(pixel, 0, 0, 0, -pixel, 0), crs="EPSG:32631", dtype="uint16")
        with rasterio.open(folder / file, "w", driver="GTiff", count=len(image), height=image.shape[1],
                           width=image.shape[2], **grid) as dataset:
            dataset.write(image)
    bitpan.load(name).fuse(folder / "pan.tif", folder / "ms.tif", folder / f"{name}.tif")
    with rasterio.open(folder / f"{name}.tif") as dataset:
        fused = dataset.read()
    document = json.loads((folder / f"{name}.scene.json").read_text())
    del document["pan"]["fit"]  # a share, which decides no bit
    words = json.dumps([document[key] for key in ("shift", "ms", "pan", "parameters")])
    found[name] = [hashlib.sha256(each).hexdigest() for each in (np.ascontiguousarray(fused), words.encode())]
json.dump(found, open(sys.argv[1], "w"))
"""
"""Fuses a random pair with each model that ships, file to file; writes sums of images and parameters."""


def wanted(image, extra="board"):
    """What bitpan with an extra asks for on an image, ``{name: versions}``."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    environment = {"platform_machine": image.machine, "python_version": image.python, "extra": ""}
    pending, found = [*project["dependencies"], *project["optional-dependencies"][extra]], {}
    for requirement in map(Requirement, pending):
        if requirement.name == "bitpan":
            pending += (line for each in requirement.extras for line in project["optional-dependencies"][each])
        elif requirement.marker is None or requirement.marker.evaluate(environment):
            found[requirement.name] = found.get(requirement.name, SpecifierSet()) & requirement.specifier
    return found


def resolve(image):
    """What pip would install on an image, ``{name: version}``; CalledProcessError where there is no wheel."""
    asked = wanted(image)
    lines = {name: f"{name}{versions}" for name, versions in asked.items()}
    absent = [lines[name] for name in asked if name not in image.has or image.has[name] not in asked[name]]
    if not absent:
        return {}
    platforms = [f"manylinux_2_{minor}_{image.machine}" for minor in range(image.glibc, 16, -1)]
    with tempfile.TemporaryDirectory() as folder:
        report, limits = Path(folder, "report.json"), Path(folder, "limits.txt")
        limits.write_text("\n".join(lines.values()))
        subprocess.run(
            [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed", f"--target={folder}",
             "--only-binary=:all:", "--implementation=cp", f"--python-version={image.python}",
             *(f"--platform={platform}" for platform in (*platforms, f"manylinux2014_{image.machine}")),
             f"--report={report}", f"--constraint={limits}", *absent],
            check=True,
        )  # fmt: skip
        installed = json.loads(report.read_text())["install"]
    return {each["metadata"]["name"]: each["metadata"]["version"] for each in installed}


def fused_here(folder):
    """Sums of what this machine fuses."""
    subprocess.run([sys.executable, "-c", FUSE, str(folder / "here.json")], check=True)
    return json.loads((folder / "here.json").read_text())


def unpack(processor, root):
    """A Debian of this machine's release for another processor, from this machine's mirror, not set up."""
    release = platform.freedesktop_os_release()["VERSION_CODENAME"]
    ask = ["apt-get", "indextargets", "--format=$(REPO_URI)", "Created-By: Packages", f"Codename: {release}"]
    mirror = subprocess.run(ask, check=True, capture_output=True, text=True).stdout.split()[0]
    options = ["--quiet", "--variant=extract", f"--arch={processor}", "--include=python3,python3-rasterio"]
    subprocess.run(["mmdebstrap", *options, release, str(root), mirror], check=True)
    shutil.copy(f"/usr/bin/qemu-{PROCESSORS[processor][0]}-static", root / "usr/bin")


def fused_there(processor):
    """Sums of what an emulated processor fuses."""
    qemu, libraries = PROCESSORS[processor]
    root, wheels = CACHE / processor, CACHE / "wheels"
    if not (root / f"usr/bin/qemu-{qemu}-static").exists():
        shutil.rmtree(root, ignore_errors=True)
        unpack(processor, root)
    for folder in (root / "bitpan", wheels):
        shutil.rmtree(folder, ignore_errors=True)
    options = ["--quiet", "--no-deps", "--no-build-isolation", f"--wheel-dir={wheels}"]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, str(ROOT)], check=True)
    zipfile.ZipFile(next(wheels.glob("*.whl"))).extractall(root / "bitpan")
    places = [f"/usr/lib/{libraries}/{each}" for each in ("blas", "lapack")]  # where Debian, set up, has links
    settings = {"LD_LIBRARY_PATH": ":".join(places), "PYTHONPATH": "/bitpan", "HOME": "/tmp"}
    emulator = ["chroot", str(root), f"/usr/bin/qemu-{qemu}-static"]
    for name, value in settings.items():
        emulator += ["-E", f"{name}={value}"]
    path = {"PATH": os.environ["PATH"]}
    subprocess.run([*emulator, "/usr/bin/python3", "-c", FUSE, "/tmp/there.json"], check=True, env=path)
    return json.loads((root / "tmp/there.json").read_text())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--emulate", action="store_true", help="fuse on emulated Arm processors too")
    emulate = parser.parse_args().emulate
    for name, image in IMAGES.items():
        print(f"{name} (Python {image.python}, {image.machine})")
        print("  is asked for", ", ".join(f"{each} {versions}" for each, versions in wanted(image).items()))
        print("  has", ", ".join(f"{each} {version}" for each, version in image.has.items()))
        found = resolve(image)
        print("  gets", ", ".join(f"{each} {version}" for each, version in found.items()) or "nothing", flush=True)
    if not emulate:
        return 0
    CACHE.mkdir(parents=True, exist_ok=True)
    here, wrong = fused_here(CACHE), 0
    for processor in PROCESSORS:
        there = fused_there(processor)
        for model, sums in here.items():
            wrong += there[model] != sums
            print(f"{processor} {model}: {'equal' if there[model] == sums else 'DIFFERENT'}", flush=True)
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())

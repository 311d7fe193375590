"""A small accelerator, built once: what ``bitpan build`` leaves of a network of one block and 8 channels."""

import pytest

HEIGHT, WIDTH = 40, 48


@pytest.fixture(scope="session")
def model(random_model):
    """It builds and verilates in seconds."""
    model = random_model(blocks=1, channels=8, bands=2)
    for node in model.nodes:
        if node.name == "tail":
            node.attributes["shift"] = 9  # a residual that rarely saturates
    return model


@pytest.fixture(scope="session")
def package(model, tmp_path_factory):
    """The deployment folder."""
    pytest.importorskip("finn", reason="building needs FINN")
    import onnx

    from bitpan.build.boards import board
    from bitpan.build.build import build
    from bitpan.package import Package
    from qonnx_writer import write_qonnx

    folder = tmp_path_factory.mktemp("build")
    onnx.save(write_qonnx(model, HEIGHT, WIDTH), folder / "model.onnx")
    build(folder / "model.onnx", folder / "package", board("pynq-z2"), quiet=True)
    return Package.load(folder / "package")


@pytest.fixture
def system(package):
    from bitpan.hw.simulate.system import System

    with System(package) as system:
        yield system


@pytest.fixture
def make_frames(package, random_inputs):
    """Factory of frames of the package's size and of scenes."""

    def make(count, size=None):
        found = [random_inputs(package.model, *(size or package.frame), seed=seed) for seed in range(count)]
        return [inputs for inputs, _ in found], [scene for _, scene in found]

    return make

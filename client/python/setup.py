"""Generates merganser/v1 out of the repository's proto/ when the package is built."""

import importlib.metadata
import pathlib

from setuptools import setup
from setuptools.command.build_py import build_py

HERE = pathlib.Path(__file__).resolve().parent
PROTO = HERE.parent.parent / "proto"
CONTRACT = ("genome", "campaign", "campaign_service")


class BuildWithContract(build_py):
    def run(self) -> None:
        super().run()
        if self.editable_mode:
            self.generate(HERE / "src")
        else:
            self.generate(pathlib.Path(self.build_lib))

    def generate(self, target: pathlib.Path) -> None:
        import grpc_tools
        from grpc_tools import protoc

        if not PROTO.is_dir():
            raise SystemExit(f"merganser is built in its repository; expected the folder {PROTO}")
        well_known = pathlib.Path(grpc_tools.__file__).parent / "_proto"
        code = protoc.main([
            "protoc", f"-I{PROTO}", f"-I{well_known}", f"--python_out={target}",
            f"--pyi_out={target}", f"--grpc_python_out={target}",
            *(str(PROTO / f"merganser/v1/{name}.proto") for name in CONTRACT)])
        if code != 0:
            raise SystemExit("protoc failed")
        (target / "merganser/v1/__init__.py").write_text(
            '"""Generated out of proto/merganser/v1."""\n')


def dependencies() -> list[str]:
    """The generated code refuses older libraries than its generator's."""
    tools = "grpcio-tools"
    protobuf = next(r for r in importlib.metadata.requires(tools) or [] if r.startswith("protobuf"))
    return [f"grpcio>={importlib.metadata.version(tools)}", protobuf, "numpy>=1.24"]


setup(cmdclass={"build_py": BuildWithContract}, install_requires=dependencies())

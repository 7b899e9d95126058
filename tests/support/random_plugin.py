"""Stands in for the plugin of ``pulumi-random`` where it cannot be downloaded: the resource ``RandomPassword``.

Programs use the real SDK. The plugin speaks Pulumi's protocol of providers: it prints its port and then serves gRPC.
"""

from __future__ import annotations

import secrets
import string
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

if TYPE_CHECKING:
    from pathlib import Path

VERSION = version("pulumi-random")


def install(home: Path) -> None:
    """Install it where the CLI finds the real plugin; ``home`` is that of the CLI."""
    directory = home / "plugins" / f"resource-random-v{VERSION}"
    directory.mkdir(parents=True)
    executable = directory / "pulumi-resource-random"
    executable.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{__file__}"\n')
    executable.chmod(0o755)


class RandomPlugin(provider_pb2_grpc.ResourceProviderServicer):
    """The operations of a provider that the CLI calls."""

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version=VERSION)

    def CheckConfig(self, request: Any, context: Any) -> Any:
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Any) -> Any:
        return provider_pb2.DiffResponse()

    def Configure(self, request: Any, context: Any) -> Any:
        return provider_pb2.ConfigureResponse()

    def Check(self, request: Any, context: Any) -> Any:
        assert request.urn.rpartition("::")[0].endswith("::random:index/randomPassword:RandomPassword"), request.urn
        return provider_pb2.CheckResponse(inputs=request.news)

    def Diff(self, request: Any, context: Any) -> Any:
        old, new = request.old_inputs.fields, request.news.fields
        changed = sorted(name for name in {*old, *new} if name not in old or name not in new or old[name] != new[name])
        changes = provider_pb2.DiffResponse.DIFF_SOME if changed else provider_pb2.DiffResponse.DIFF_NONE
        return provider_pb2.DiffResponse(changes=changes, replaces=changed, diffs=changed)

    def Create(self, request: Any, context: Any) -> Any:
        created = provider_pb2.CreateResponse(id="none", properties=request.properties)
        letters = string.ascii_letters + string.digits
        length = int(request.properties["length"])
        created.properties["result"] = "".join(secrets.choice(letters) for _ in range(length))
        return created

    def Read(self, request: Any, context: Any) -> Any:
        return provider_pb2.ReadResponse(id=request.id, properties=request.properties, inputs=request.inputs)

    def Delete(self, request: Any, context: Any) -> Any:
        return Empty()

    def Cancel(self, request: Any, context: Any) -> Any:
        return Empty()


def main() -> None:
    """Serve until the CLI ends this process."""
    server = grpc.server(ThreadPoolExecutor())
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(RandomPlugin(), server)
    print(server.add_insecure_port("127.0.0.1:0"), flush=True)
    server.start()
    server.wait_for_termination()


if __name__ == "__main__":
    main()

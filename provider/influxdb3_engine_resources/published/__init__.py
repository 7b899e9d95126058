"""Plugins as they are published: manifests, registries with their versions, and the archives that they serve.

The formats are those of InfluxData's plugin SDK: the manifest (schema 1), the registry index (schema 2), the layout of
a plugin directory and the archive ``NAME-VERSION.tar.gz``.
"""

"""Code that runs under the plugins' interpreter. It needs only the standard library and cloudpickle.

Each engine has a *zygote* process. The zygote forks a *worker* process for each trigger that runs. A worker exchanges
frames with the engine over a socket (`frames`), executes plugins (`plugin`), and gives them ``influxdb3_local``
(`local`, `cache`, `shared_cache`) and ``LineBuilder`` (`line_builder`). Overlapping runs that share objects are threads
of one worker, each with its own socket (`lanes`).
"""

"""What runs inside the plugins' interpreter: standard library and cloudpickle, loaded by file path, see ``__main__``.

A *zygote* process, one an engine, forks a *worker* process for each trigger that has something to run. A worker talks
to the server over one socket in length-prefixed frames (`frames`), executes plugins (`plugin`), and gives them
``influxdb3_local`` (`local`, `cache`, `shared_cache`) and ``LineBuilder`` (`line_builder`). Runs that overlap and share
objects are threads of one worker, each with a socket of its own (`lanes`).
"""

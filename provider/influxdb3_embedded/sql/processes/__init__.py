"""The processes that run SQL.

The zygote loads the libraries and forks a query process for each query. Modules that run in the engine: `pool`,
`running_process`, `fairness`, `query_places`, `query`, `table_server`. Modules that run in a query process: `zygote`,
`process`, `datafusion_query`, `arrow_results`, `schemas`. Both sides use `channel` and `shared_tables`.
"""

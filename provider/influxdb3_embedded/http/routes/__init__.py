"""The endpoints, one noun a module; ``influxdb3_embedded.http.routing`` lists them with what each reads and answers.

An endpoint takes the engine, the request, and what has been read of it as a model, calls one noun of the engine and
returns the answer. What goes wrong is raised as ``ApiError`` and rendered by the application.
"""

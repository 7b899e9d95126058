"""The endpoints, one noun a module; ``influxdb3_embedded.app`` lists them.

An endpoint takes the engine and the request, reads parameters and body into a model, calls one noun of the engine and
returns the answer. What goes wrong is raised as ``ApiError`` and rendered by the application.
"""

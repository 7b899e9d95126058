"""The functions that run the operations: one module for each noun. ``http.routing`` lists the operations.

A function gets the engine, the request, and the content of the request as a model. It calls the engine and returns the
answer. It raises ``ApiError`` for a failure; ``http.app`` renders the error.
"""

"""The interface for method authors: methods, parameters, search spaces, and imported cards."""

from smmbench.method.interface import BackboneUse, Card, Method, ParametersT, PreparedT, Source

__all__ = ["BackboneUse", "Card", "Method", "ParametersT", "PreparedT", "Source"]

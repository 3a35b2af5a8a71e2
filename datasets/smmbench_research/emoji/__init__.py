"""Research on the emoji world: training its models, the laboratory, validation of the metric."""

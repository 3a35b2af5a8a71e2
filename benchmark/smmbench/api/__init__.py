"""The functions of the public interface, which `smmbench` itself offers under their names."""

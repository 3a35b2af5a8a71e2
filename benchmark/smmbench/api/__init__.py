"""The functions of the public API, which `smmbench` exports under the same names."""

"""Python, numpy and pandas values, zones, offsets and dtypes as JSON, and back, exactly."""

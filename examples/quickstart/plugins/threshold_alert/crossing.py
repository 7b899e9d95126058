"""When a value crosses a threshold."""


def direction(was_high, value, threshold):
    """``"up"`` or ``"down"`` where the value is on the other side of the threshold than before, else ``None``."""
    is_high = value >= threshold
    if is_high == was_high:
        return None
    return "up" if is_high else "down"

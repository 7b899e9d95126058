"""Whether a value crosses a threshold."""


def direction(was_high, value, threshold):
    """``"up"`` or ``"down"`` if the value has crossed the threshold; otherwise None."""
    is_high = value >= threshold
    if is_high == was_high:
        return None
    return "up" if is_high else "down"

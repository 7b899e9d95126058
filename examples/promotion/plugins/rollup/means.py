"""Means of readings."""


def mean_by_room(rows):
    readings = {}
    for row in rows:
        readings.setdefault(row["room"] or "unknown", []).append(row["celsius"])
    return {room: sum(celsius) / len(celsius) for room, celsius in readings.items()}

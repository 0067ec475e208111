"""The registry of forms: how an event is written. One file and one row each."""

from sensor.exports.forms import cef, json, ocsf
from sensor.exports.forms._base import Form, Write

__all__ = ["FORMS", "Form", "Write"]

FORMS: dict[str, Form] = {form.name: form for form in (cef.FORM, json.FORM, ocsf.FORM)}
"""By name."""

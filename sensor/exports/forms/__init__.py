"""The registry of forms: how an event is written. One file and one row each."""

from sensor.exports.forms import asset_row, cef, json, leef, ocsf, plain, sentinel_row
from sensor.exports.forms._base import Form, Write

__all__ = ["FORMS", "Form", "Write"]

FORMS: dict[str, Form] = {
    form.name: form for form in (asset_row.FORM, cef.FORM, json.FORM, leef.FORM, ocsf.FORM, plain.FORM, sentinel_row.FORM)
}
"""By name."""

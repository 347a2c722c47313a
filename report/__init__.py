"""The printed report: one page with the traces, the measurements and the statements.

`report.options`, `report.parts` and `report.measurement_rows` are light. `report.render` imports
what draws, reportlab; `report.loading` imports all of it.
"""

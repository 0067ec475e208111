"""Makes what Microsoft Sentinel is given: `python -m deploy.sentinel.generator`, or `make sentinel`.

The queries in kql/ are the source of truth, with the catalogue of detectors, the watchlist and the layout of the workbook. What is made
of them is committed, so that a SOC needs nothing but the files.
"""

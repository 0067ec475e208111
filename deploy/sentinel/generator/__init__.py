"""Makes what Microsoft Sentinel is given from the queries in kql/, the catalogue of detectors and captures: `python -m deploy.sentinel.generator`.

kql/ is the source of truth. What is made is committed, so that a SOC needs nothing but the files.
"""

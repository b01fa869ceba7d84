"""A verdict that can be checked at deployment: run, attest, approve, verify.

`attest` signs a statement on a report, `approve` signs that somebody else accepts it, `verify`
holds both against the file, the policy and the trust of whoever deploys. Knows neither torch nor
the data.
"""

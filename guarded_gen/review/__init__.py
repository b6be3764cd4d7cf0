"""The review room: cases, who may decide them, what a decision needs, appeals, quality.

Rules only: no page and no route. Every change goes through ``AuditLog.write``, so a decision and
its log entry are one transaction. May import the audit log, the store, and the policies.
"""

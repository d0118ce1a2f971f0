-- The views are new: give the roles their rights again.

SELECT ledger.grant_roles();

"""The synthetic plant trace: correct TCP around realistic requests of four protocols, with the counts known by construction."""

"""Techniques of MITRE ATT&CK for ICS by tactic, as the check of Microsoft's content repository knows them."""

TACTICS = {
    "InitialAccess": "T0810 T0817 T0818 T0819 T0822 T0847 T0848 T0860 T0862 T0865 T0866 T0883 T0886",
    "Execution": "T0807 T0821 T0823 T0834 T0853 T0858 T0863 T0871 T0874",
    "Persistence": "T0839 T0857 T0859 T0873 T0889",
    "PrivilegeEscalation": "T0874 T0890",
    "DefenseEvasion": "T0820 T0849 T0851 T0856 T0858 T0872",
    "Discovery": "T0840 T0842 T0846 T0887 T0888",
    "LateralMovement": "T0812 T0843 T0859 T0866 T0867 T0886",
    "Collection": "T0801 T0802 T0811 T0830 T0845 T0852 T0861 T0868 T0877 T0887",
    "CommandAndControl": "T0869 T0884 T0885",
    "InhibitResponseFunction": "T0800 T0803 T0804 T0805 T0809 T0814 T0816 T0835 T0838 T0851 T0857 T0878 T0881",
    "ImpairProcessControl": "T0806 T0836 T0839 T0855 T0856",
    "Impact": "T0813 T0815 T0826 T0827 T0828 T0829 T0831 T0832 T0837 T0879 T0880 T0882",
}
"""In the order of an attack. A rule must not name a technique under another tactic."""
NEWER = {"InitialAccess": "T0864", "InhibitResponseFunction": "T0892"}
"""Techniques that detectors name and that check does not know: they stand in events and the catalogue, but in no rule."""


def tactics_of(*techniques: str) -> list[str]:
    """The tactics that techniques belong to, in the order of an attack."""
    return [name for name, known in TACTICS.items() if {*techniques} & {*known.split(), *NEWER.get(name, "").split()}]

"""What names, models and order numbers tell of the type of a device: one row each, the first that fits counts."""

import re
from dataclasses import dataclass
from functools import lru_cache

from sensor.inventory.model import Kind


@dataclass(frozen=True, slots=True)
class Mark:
    """A text that tells the type: of one of the keys, matching the pattern."""

    keys: tuple[str, ...]
    pattern: re.Pattern[str]
    kind: Kind


NUMBERS = ("order_number", "model", "device_type", "description", "vendor_class")
NAMES = ("model", "device_type", "description", "vendor_class", "software", "operating_system")


def _mark(keys: tuple[str, ...], pattern: str, kind: Kind) -> Mark:
    return Mark(keys, re.compile(pattern, re.IGNORECASE), kind)


MARKS: tuple[Mark, ...] = (
    # Siemens: order numbers, with or without the blank.
    _mark(NUMBERS, r"\b6ES7 ?(15\d-[78]|21\d|31[0-9]|41[0-9]|51[0-9]|67[27])", Kind.PLC),
    _mark(NUMBERS, r"\b6ES7 ?(1[345]\d|32\d|33\d|42\d|43\d|52\d|53\d|22\d|23\d|65\d)", Kind.IO),
    _mark(NUMBERS, r"\b6ED1 ?05|\b6GK7 ?[2345]", Kind.PLC),
    _mark(NUMBERS, r"\b6AV\d|\b6AG1 ?1?24", Kind.HMI),
    _mark(NUMBERS, r"\b6S[LE]\d|\b3UF7|\b3RW\d", Kind.DRIVE),
    _mark(NUMBERS, r"\b6GK5|\bSCALANCE X|\bRUGGEDCOM|\bRUGGEDSWITCH", Kind.SWITCH),
    _mark(NAMES, r"\bCPU ?\d{3,4}|\bS7-(200|300|400|1200|1500)|\bET ?200\w* CPU|\bLOGO!", Kind.PLC),
    _mark(NAMES, r"\bET ?200|\bIM ?15\d", Kind.IO),
    _mark(
        NAMES,
        r"\bSIPROTEC|\b7S[AJKLTX]\d|\bSEL-\d{3}|\b(REF|REL|RET|REB|RED)\d{3}"
        r"|\bMiCOM|\bSepam|\bP[1-7]4\d\b|\bmerging unit",
        Kind.IED,
    ),
    _mark(NAMES, r"\bSICAM|\bSCADAPack|\bRTU ?\d*\b|\bremote terminal unit|\bTBox|\bD20\b|\boutstation", Kind.RTU),
    _mark(
        NAMES,
        r"\bSINAMICS|\bSIMOCODE|\bMICROMASTER|\bPowerFlex|\bAltivar"
        r"|\bATV ?\d{2,3}|\bACS ?\d{3}|\bKinetix|\bVLT\b|\bMOVI",
        Kind.DRIVE,
    ),
    # Rockwell: catalogue numbers.
    _mark(NUMBERS, r"\b(1756|1769|1768|1789|5069|5380)-L\d|\b1766-L|\b1763-L|\b1762-L|\b1761-L|\b1747-L|\b1785-L|\b2080-L", Kind.PLC),
    _mark(NUMBERS, r"\b2711\w?-|\bPanelView", Kind.HMI),
    _mark(NUMBERS, r"\b1783-|\bStratix", Kind.SWITCH),
    _mark(NUMBERS, r"\b(1734|1794|1738|1732|1791\w*|1715|1719|5094|1747-AENTR?)-", Kind.IO),
    _mark(NUMBERS, r"\b(20|22|25|2198|2094)\w?-(COMM|D|H|P|E)", Kind.DRIVE),
    _mark(NAMES, r"\bControlLogix|\bCompactLogix|\bMicroLogix|\bGuardLogix|\bLOGIX5\d{3}|\bSLC ?5/0\d|\bMicro8\d\d", Kind.PLC),
    # CIP's own words.
    _mark(("device_type",), r"programmable logic controller|safety (controller|plc)|motion controller", Kind.PLC),
    _mark(("device_type",), r"human.machine interface|operator interface", Kind.HMI),
    _mark(("device_type",), r"managed.*switch|ethernet switch", Kind.SWITCH),
    _mark(("device_type",), r"drive|motor (starter|overload)|soft ?start|servo|inverter|contactor", Kind.DRIVE),
    _mark(
        ("device_type",),
        r"discrete i/o|general purpose|analog i/o|\bi/o\b|valve|sensor|encoder|resolver|pneumatic|mass flow|photoelectric"
        r"|proximity|limit switch",
        Kind.IO,
    ),
    # Others.
    _mark(
        NUMBERS,
        r"\bBM[XE] ?(P34|P58|H58)|\b140 ?CPU|\bTSX ?P57|\b171 ?CBU"
        r"|\bTM2[2-6]\d|\bModicon M[2-5]\d\d|\bM340\b|\bM580\b",
        Kind.PLC,
    ),
    _mark(NUMBERS, r"\bBM[XE] ?CRA|\b140 ?CRA|\bSTB ?N|\bOTB\b|\b750-3\d\d|\bIL PN BK|\bAXL F BK|\bEK\d{4}|\bBK\d{4}|\bIC200PN", Kind.IO),
    _mark(NUMBERS, r"\b750-8\d\d|\bPFC[12]00|\bILC ?\d|\bAXC ?F|\bRFC ?4|\bCX\d{4}|\bBC\d{4}|\bCODESYS", Kind.PLC),
    _mark(
        NUMBERS,
        r"\bIC(200|693|695|697)|\bRX[37]i|\bCP[12][EHL]|\bCJ[12]"
        r"|\bCS1|\bN[XJ][157]0|\bFX[35]|\bQ\d\dU|\bR\d\dCPU|\bPM5\d\d",
        Kind.PLC,
    ),
    _mark(
        NAMES,
        r"\bMagelis|\bHMI(GTO|ST|GK)|\bXBT|\bGOT ?[12]000|\bSIMATIC HMI"
        r"|\bComfort Panel|\bKTP\d|\bTP\d{3,4}\b|\bPro-face",
        Kind.HMI,
    ),
    _mark(("description", "software"), r"\bHMI (RT|HOST)|\bInTouch|\bFactoryTalk View", Kind.HMI),
    _mark(("description", "software"), r"\bWinCC\b|\biFIX\b|\bCitect|\bIgnition\b|\bzenon\b", Kind.SCADA_SERVER),
    _mark(
        ("description", "software"),
        r"\bSTEP ?7|\bTIA Portal|\bSIMATIC Manager|\bStudio 5000|\bRSLogix|\bUnity Pro|\bControl Expert|\bTwinCAT XAE",
        Kind.ENGINEERING_WORKSTATION,
    ),
    _mark(("model", "device_type", "description"), r"\bNPort|\bMGate|\bAnybus|\bLantronix|\bDigi One|\bgateway\b", Kind.GATEWAY),
    _mark(NAMES, r"\bLaserJet|\bJetDirect|\bprinter\b|\bXerox|\bRICOH|\bKyocera|\bLexmark|\bCanon i", Kind.PRINTER),
    _mark(NAMES, r"\bIP phone|\bVoIP|\bCP-\d{4}G?\b|\bPolycom|\bYealink|\bSnom", Kind.PHONE),
    _mark(NAMES, r"\bAxis .*camera|\bIP camera|\bnetwork camera|\bHikvision|\bDahua", Kind.CAMERA),
    _mark(NAMES, r"\bC(29|35|36|37|38|93)\d\d|\bCatalyst|\bCE500|\bEDS-\w|\bHirschmann|\bRSP?B?\d\d|\bFL SWITCH|\bswitch\b", Kind.SWITCH),
    _mark(NAMES, r"\bCisco 2\d{3}\b|\bCSR1000V|\bISR\b|\bMikroTik|\bRouterOS|\brouter\b|\bfirewall\b|\bFortiGate", Kind.ROUTER),
    _mark(("description", "software", "operating_system"), r"\bWindows Server|\bServer 20\d\d|\bSamba", Kind.SERVER),
)
"""Weighed by the source: what a device answers for itself in its own protocol is worth more than a description."""


@lru_cache(maxsize=8192)
def kind_of(key: str, value: str) -> Kind | None:
    """The type that a fact tells, None where it tells none."""
    return next((mark.kind for mark in MARKS if key in mark.keys and mark.pattern.search(value)), None)


HINTS: tuple[tuple[re.Pattern[str], Kind], ...] = tuple(
    (re.compile(rf"(?:^|[^a-z])(?:{words})(?:$|[^a-z])", re.IGNORECASE), kind)
    for words, kind in (
        ("plc|cpu|pac", Kind.PLC),
        ("rtu", Kind.RTU),
        ("ied|relay", Kind.IED),
        ("hmi|panel|op|operator", Kind.HMI),
        ("scada|wincc|fep|iosrv", Kind.SCADA_SERVER),
        ("ews|ewk|eng|engineer|engineering|tia|step7", Kind.ENGINEERING_WORKSTATION),
        ("hist|historian|pi", Kind.HISTORIAN),
        ("dc|adc|pdc|bdc", Kind.DOMAIN_CONTROLLER),
        ("jump|jumphost|bastion", Kind.JUMP_HOST),
        ("printer|prn", Kind.PRINTER),
        ("sw|switch", Kind.SWITCH),
        ("router|gw|fw|firewall", Kind.ROUTER),
        ("cam|camera", Kind.CAMERA),
    )
)
"""Parts of computer names, and what they usually mean."""


@lru_cache(maxsize=8192)
def kind_by_name(hostname: str) -> Kind | None:
    """The type that a computer's name hints at; None where the name is plain or says two things."""
    kinds = {kind for pattern, kind in HINTS if pattern.search(hostname.partition(".")[0])}
    return kinds.pop() if len(kinds) == 1 else None


AUTOMATION = re.compile(
    r"siemens|rockwell|allen.bradley|schneider|telemecanique|modicon|square d|phoenix contact|beckhoff|wago|omron|mitsubishi electric"
    r"|abb\b|emerson|yokogawa|honeywell|fanuc|general electric|schweitzer|pilz|sick ag|turck|balluff|festo|lenze|danfoss|yaskawa"
    r"|keyence|bosch rexroth|b ?& ?r industrial|bernecker|hms industrial|hirschmann|moxa|endress|vega |pepperl|ifm electronic"
    r"|murrelektronik|saia|triconex|invensys|foxboro|koyo|automationdirect|red lion|prosoft|woodward|alstom|areva|hilscher|kuka"
    r"|sew.eurodrive|opto ?22|delta electronics",
    re.IGNORECASE,
)
"""Makers whose network adapters are in control equipment."""

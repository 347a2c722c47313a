"""Attacks on the readers of XML: the tree itself, and each dialect."""

from __future__ import annotations

import base64
import gzip
import struct

import numpy as np

from tests.attacks.attack import LEADS, attack
from tests.attacks.cost import OCTETS, Upload


def document(root: str, content: str) -> Upload:
    return Upload(f"<{root}>{content}</{root}>".encode())


@attack(
    "XML",
    count=1000,
    largest=10_000,
    was="10 kB in which each of 10,000 elements gets 2000 attributes from the DOCTYPE: 1.7 GB",
    now="unsafe_file",
)
def xml_attribute_defaults(count: int) -> Upload:
    defaults = " ".join(f'a{number} CDATA "v{number}"' for number in range(2000))
    root = f"<!DOCTYPE RestingECG [<!ATTLIST a {defaults}>]><RestingECG>"
    body = (root + "<a/>" * count + "</RestingECG>").encode()
    return Upload(gzip.compress(body), OCTETS, "gzip")


@attack("XML", count=40_000, largest=299_000, now="no_samples unsafe_file")
def xml_elements(count: int) -> Upload:
    return document("RestingECG", "<a>b</a>c" * count)


@attack("XML", count=40_000, largest=299_000, now="no_samples unsafe_file")
def xml_attributes(count: int) -> Upload:
    return document("RestingECG", "<a " + " ".join(f"a{n}='{n}'" for n in range(count)) + "/>")


@attack("XML", count=40_000, largest=299_000, now="no_samples unsafe_file")
def xml_namespaces(count: int) -> Upload:
    return document(
        "RestingECG", "<a " + " ".join(f"xmlns:a{n}='{n}'" for n in range(count)) + "/>"
    )


@attack("XML", count=4_000_000, largest=60_000_000, now="no_samples")
def xml_comment(count: int) -> Upload:
    return document("RestingECG", "<!--" + "a" * count + "-->")


@attack("XML", count=500_000, largest=7_000_000, now="no_samples")
def xml_lines(count: int) -> Upload:
    return document("RestingECG", "<a>" + "1 2 3 4\n" * count + "</a>")


@attack("XML", count=200_000, largest=6_000_000, now="no_samples")
def xml_character_references(count: int) -> Upload:
    return document("RestingECG", "<a>" + "&#49;&amp;" * count + "</a>")


# aECG


def sequence_set(lead: str, digits: str) -> str:
    time = "<code code='TIME_ABSOLUTE'/><value><increment value='0.002' unit='s'/></value>"
    value = f"<value><scale value='1' unit='uV'/><digits>{digits}</digits></value>"
    return (
        f"<component><sequenceSet><component><sequence>{time}</sequence></component><component>"
        f"<sequence><code code='MDC_ECG_LEAD_{lead}'/>{value}</sequence></component>"
        "</sequenceSet></component>"
    )


@attack(
    "HL7 aECG",
    count=500,
    largest=20_000,
    was="each of 20,000 sequence sets is compared with all others: minutes",
    now="read corrupt_file",
)
def aecg_sequence_sets(count: int) -> Upload:
    return document(
        "AnnotatedECG",
        f"<component><series>{sequence_set('I', '1 2') * count}</series></component>",
    )


@attack(
    "HL7 aECG",
    count=100,
    largest=580,
    was="the names of 150,000 channels in 256 sequence sets are looked up 256 times: 8 s",
    now="unknown_lead",
)
def aecg_channels(count: int) -> Upload:
    time = "<code code='TIME_RELATIVE'/><value><increment value='2' unit='ms'/></value>"
    channels = f"<component><sequence>{time}</sequence></component>" + (
        "<component><sequence/></component>" * count
    )
    sets = f"<component><sequenceSet>{channels}</sequenceSet></component>" * 256
    return document("AnnotatedECG", f"<series>{sets}</series>")


@attack("HL7 aECG", count=200_000, largest=1_300_000, now="read")
def aecg_digits(count: int) -> Upload:
    digits = "-123 " * count
    return document(
        "AnnotatedECG",
        "<component><series>"
        + "".join(sequence_set(lead, digits) for lead in LEADS[:8])
        + "</series></component>",
    )


# MUSE


def muse(leads: str) -> Upload:
    rhythm = "<Waveform><WaveformType>Rhythm</WaveformType><SampleBase>500</SampleBase>"
    return document("RestingECG", rhythm + leads + "</Waveform>")


def muse_lead(name: str, data: str, more: str = "") -> str:
    return (
        f"<LeadData><LeadID>{name}</LeadID><LeadAmplitudeUnitsPerBit>4.88"
        f"</LeadAmplitudeUnitsPerBit><LeadAmplitudeUnits>MICROVOLTS</LeadAmplitudeUnits>{more}"
        f"<WaveFormData>{data}</WaveFormData></LeadData>"
    )


@attack(
    "GE MUSE",
    count=2000,
    largest=40_000,
    was="40,000 leads that are off are all named in one warning of 2 MB",
    now="duplicate_lead corrupt_file",
)
def muse_leads(count: int) -> Upload:
    return muse(muse_lead("I" * 1, "AAAA", "<LeadOff>TRUE</LeadOff>") * count)


@attack(
    "GE MUSE",
    count=500_000,
    largest=20_000_000,
    was="base64 with a space after two characters: a string for each two, 1 GB",
    now="read recording_too_long",
)
def muse_base64(count: int) -> Upload:
    return muse(muse_lead("I", "AB " * (4 * count // 4)))


@attack(
    "GE MUSE",
    count=1000,
    largest=60_000_000,
    was="an error repeats a lead's name of 60 MB",
    now="corrupt_file",
)
def muse_long_name(count: int) -> Upload:
    return muse(muse_lead("V" * count, "not base64"))


# Philips


XLI_SAMPLES = 1_100_000


def xli_channel(samples: int) -> bytes:
    """Return zeros: high bytes of 0 in long LZW codes, low bytes of 64 in short ones."""
    table = 255  # the last entry
    codes, size = [0], 1
    while size + (length := min(table - 254 + 1, 768)) <= samples:
        table = min(table + 1, 1022)
        codes.append(table)
        size += length
    codes += [0] * (samples - size) + [64] * samples + [1023]
    bits = np.array(codes)[:, np.newaxis] >> np.arange(9, -1, -1) & 1
    packed = np.packbits(bits.astype(np.uint8)).tobytes()
    return struct.pack("<iHh", len(packed), 0, 0) + packed


@attack(
    "Philips Sierra",
    count=4,
    largest=24,
    was="24 channels of 1.2 million samples each in 100 kB: 1 GB",
    now="read corrupt_file unknown_lead recording_too_long",
)
def sierra_xli(count: int) -> Upload:
    data = base64.b64encode(xli_channel(XLI_SAMPLES) * count).decode()
    labels = " ".join([*LEADS, *(f"X{number}" for number in range(count))][:count])
    return document(
        "restingecgdata",
        f"<waveforms><parsedwaveforms samplespersecond='2000' resolution='5' compression='XLI' "
        f"leadlabels='{labels}'>{data}</parsedwaveforms></waveforms>",
    )


@attack(
    "Philips Sierra",
    count=20_000,
    largest=280_000,
    was="280,000 elements are searched for each of twelve measurements",
    now="no_samples corrupt_file read",
)
def sierra_measurements(count: int) -> Upload:
    waveforms = (
        "<waveforms><parsedwaveforms samplespersecond='500' resolution='5' leadlabels='I'>"
        + base64.b64encode(bytes(2000)).decode()
        + "</parsedwaveforms></waveforms>"
    )
    places = "<globalmeasurements/>" * count
    return document("restingecgdata", f"{waveforms}<measurements>{places}</measurements>")


# CardioSoft, Sapphire, Schiller, Mortara


@attack("GE CardioSoft", count=200_000, largest=1_300_000, now="read")
def cardiosoft_samples(count: int) -> Upload:
    leads = "".join(
        f"<WaveformData lead='{lead}'>{'-123,' * count}</WaveformData>" for lead in LEADS[:8]
    )
    strip = "<SampleRate>500</SampleRate><Resolution units='uVperLsb'>5</Resolution>"
    return document("CardiologyXML", f"<StripData>{strip}{leads}</StripData>")


@attack("GE Sapphire", count=200_000, largest=1_300_000, now="read")
def sapphire_samples(count: int) -> Upload:
    leads = "".join(f"<ecgWaveform lead='{lead}' V='{'-123 ' * count}'/>" for lead in LEADS[:8])
    rate = "<sampleRate V='500' U='Hz'/>"
    rhythm = f"<ecgWaveformMXG S='4.88' U='uV'>{rate}{leads}</ecgWaveformMXG>"
    return document("sapphire", f"<ecg><wav>{rhythm}</wav></ecg>")


@attack("GE Sapphire", count=20_000, largest=70_000, now="no_samples unsafe_file")
def sapphire_places(count: int) -> Upload:
    return document("sapphire", "<wav/><medianTemplate><num/></medianTemplate><ecg/>" * count)


@attack("Schiller SEMA", count=200_000, largest=1_300_000, now="read")
def schiller_samples(count: int) -> Upload:
    leads = "".join(
        f"<channel><name>{lead}</name><data>{'-123,' * count}</data></channel>"
        for lead in LEADS[:8]
    )
    resolution = (
        "<resolution><samplerate><value>500</value></samplerate><yres><units>uV</units>"
        "<unitperbit>1</unitperbit></yres></resolution>"
    )
    return document(
        "SchillerEDI", f"<wavedata><type>ECG_RHYTHM</type>{resolution}{leads}</wavedata>"
    )


@attack("Mortara ELI Link", count=200_000, largest=1_300_000, now="read")
def mortara_samples(count: int) -> Upload:
    data = base64.b64encode(bytes(2 * count)).decode()
    channels = "".join(
        f"<CHANNEL NAME='{lead}' UNITS_PER_MV='200' SAMPLE_FREQ='500' BITS='16' DATA='{data}'/>"
        for lead in LEADS
    )
    return document("ECG", channels)

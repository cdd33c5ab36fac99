"""Cell lines, and cells known by a donor's number, under the tissue that they come from.

Names are those of the catalogue's column ``biosample``; only lines whose description does not
say enough for the rules of ``tissues.tsv`` are here.
"""

from __future__ import annotations

LINES = {
    "adrenal gland": "SW-13",
    "adipose": "KMLS-1, SW 872",
    "biliary tract": "TGBC18TKB",
    "blood": "COBL-a",
    "blood/lymphoid": """
        DND-41, DOHH2, DS-1, Jurkat, Jurkat clone E61, KMS-11, KOPT-K1,
        Karpas-422, Loucy, MM.1S, NAMALWA, NCI-H929, OCI-LY1, OCI-LY3, OCI-LY7, RPMI8226,
        Raji, SU-DHL-6, WIL2-NS, XPL 17, P30/OHK
    """,
    "blood/myeloid": "CMK, HAP-1, HL-60, K562, KBM-7, NB4, MV-4-11, MEG-01, SKM-1",
    "bone": "MG63, SJSA1, U2OS, Hs 863.T",
    "bone marrow": "HS-27A, HS-5",
    "brain": "A172, Daoy, H4, H54, M059J, PFSK-1, TASK1",
    "breast": "HCC1806, MCF 10A, MCF-7, T47D",
    "colon": "Caco-2, HCT116, HT-29, LoVo, RKO, SW480",
    "connective tissue": "HT1080, hMSC, Hu5/E18",
    "esophagus": "EC-GI-10",
    "eye": "WERI-Rb-1",
    "female reproductive": """
        Ca Ski, HOKUG, HSKTC, HTMMT, HTOA, HeLa-S3, Hs 5.T, Ishikawa, JHOC-5, JHOM-1, JHOS-2,
        JHUCS-1, JHUS-nk1, KGN, MCAS, PA-1, SK-OV-3-R, SKG-II-SF, TC-YIK, TEN,
        10964C, 15242A, 15425
    """,
    "kidney": """
        ACHN, Caki2, FU-RPNT-1, FU-RPNT-2, G-402, G401, HEK293, HEK293/SLAM, HEK293T, HK-2,
        RCC 7860
    """,
    "liver": "HepG2",
    "lung": """
        A549, AG04450, AG08396, IMR-90, LU65, Lu99B, NCI-H1770, NCI-H226, NCI-H460, NCI-H727,
        PC-9, SW 1573, WI38
    """,
    "male reproductive": "NT2/D1",
    "mouth and throat": "ACC112, AG09319, HEPM",
    "muscle": "A673, LHCN-M2, SJCRH30",
    "nerve": "BE2C, KU-SN, SH-SY5Y, SK-N-DZ, SK-N-MC, SK-N-SH",
    "pancreas": "KLM-1, MIA Paca2, Panc1, QGP-1, SUIT-2",
    "placenta": "HTR-8/SVneo",
    "pluripotent": """
        CWRU1, ES-I3, GM23338, H1-hESC, H7-hESC, H9, HUES48, HUES6, HUES64, L1-S8, L1-S8R,
        UCSF-4
    """,
    "prostate": "22Rv1, C4-2B, LNCaP, LNCaP clone FGC, PC-3, RWPE1, RWPE2, VCaP",
    "skin": """
        A431, AG04449, AG08395, AG09309, AG10803, AG20443, BJ, EH, EL, ELR, GM03348, GM04503,
        GM04504, GM23248, HFF-Myc, Hs 925.T, MS-1, RPMI-7951, SK-MEL-5
    """,
    "stomach": "AZ521, ECC10, ECC12, ECC4, GSS, IM95m, Kato III, NUGC-4, SCH",
    "thyroid": "8305C, 8505C",
    "upper airway": "HSQ-89, Hep-2, RPMI 2650",
    "other": "ELF-1, HGRT, HIRS-BM, HTST, NCC-IT-A3, NCR-G1, SK-PN-DW, T3M-5",
}


def tissue_of_line() -> dict[str, str]:
    """Return the tissue of each line by its name in lower case."""
    return {
        name.strip().lower(): tissue
        for tissue, names in LINES.items()
        for name in names.split(",")
    }

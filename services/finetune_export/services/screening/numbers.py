"""Numbers with check digits: cards, accounts, ids of many countries; checks by python-stdnum."""

import re
from collections.abc import Callable, Mapping
from hashlib import sha256
from types import ModuleType

from stdnum import bitcoin, imei, luhn
from stdnum.ar import cuit as ar_cuit
from stdnum.at import vnr as at_vnr
from stdnum.au import abn as au_abn
from stdnum.au import tfn as au_tfn
from stdnum.be import nn as be_nn
from stdnum.bg import egn as bg_egn
from stdnum.br import cnpj as br_cnpj
from stdnum.br import cpf as br_cpf
from stdnum.ca import sin as ca_sin
from stdnum.ch import ssn as ch_ssn
from stdnum.ch import uid as ch_uid
from stdnum.cl import rut as cl_rut
from stdnum.cn import ric as cn_ric
from stdnum.cz import rc as cz_rc
from stdnum.de import idnr as de_idnr
from stdnum.ee import ik as ee_ik
from stdnum.es import cif as es_cif
from stdnum.es import dni as es_dni
from stdnum.es import nie as es_nie
from stdnum.eu import vat as eu_vat
from stdnum.fi import hetu as fi_hetu
from stdnum.fr import nif as fr_nif
from stdnum.fr import nir as fr_nir
from stdnum.fr import siret as fr_siret
from stdnum.gb import nhs as gb_nhs
from stdnum.gb import utr as gb_utr
from stdnum.gb import vat as gb_vat
from stdnum.gr import amka as gr_amka
from stdnum.hr import oib as hr_oib
from stdnum.ie import pps as ie_pps
from stdnum.il import idnr as il_idnr
from stdnum.in_ import aadhaar as in_aadhaar
from stdnum.in_ import gstin as in_gstin
from stdnum.in_ import pan as in_pan
from stdnum.is_ import kennitala as is_kennitala
from stdnum.iso7064 import mod_97_10
from stdnum.it import codicefiscale as it_cf
from stdnum.it import iva as it_iva
from stdnum.kr import rrn as kr_rrn
from stdnum.lt import asmens as lt_asmens
from stdnum.mx import curp as mx_curp
from stdnum.mx import rfc as mx_rfc
from stdnum.nl import bsn as nl_bsn
from stdnum.no import fodselsnummer as no_fnr
from stdnum.nz import ird as nz_ird
from stdnum.pl import nip as pl_nip
from stdnum.pl import pesel as pl_pesel
from stdnum.pt import cc as pt_cc
from stdnum.pt import nif as pt_nif
from stdnum.ro import cnp as ro_cnp
from stdnum.ru import inn as ru_inn
from stdnum.se import personnummer as se_pnr
from stdnum.si import emso as si_emso
from stdnum.th import pin as th_pin
from stdnum.tr import tckimlik as tr_tc
from stdnum.us import itin as us_itin
from stdnum.us import ssn as us_ssn
from stdnum.za import idnr as za_idnr

from services.finetune_export.services.screening.rule import Check, Group, Rule, anything, near

_B = r"(?<![\w])(?<!\d[.,])(?<![\d]-)"
_E = r"(?![\w])(?![.,]\d)(?!-\d)"
_BITCOIN = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_RIPPLE = "rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz"
# A card begins with its network's number; (prefix, permitted lengths).
_CARDS = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|5[1-5]\d{14}|2(?:2[2-9]|[3-6]\d|7[01])\d{13}|2720\d{12}|3[47]\d{13}"
    r"|3(?:0[0-5]|095|[689]\d)\d{11}|3[0689]\d{14,17}|(?:6011|65\d\d|64[4-9]\d|62\d\d)\d{12,15}"
    r"|35(?:2[89]|[3-8]\d)\d{12}|(?:5[0678]\d\d|6[0-9]\d\d)\d{8,15}|220[0-4]\d{12}"
    r"|9792\d{12}|81\d{14}"
)


def _is_card(value: str) -> bool:
    digits = re.sub(r"\D", "", value)
    return bool(_CARDS.fullmatch(digits)) and luhn.is_valid(digits) and len(set(digits)) > 1


def _is_iban(value: str) -> bool:
    """ISO 13616: mod 97; made-up accounts of a country pass, as in tests and examples."""
    compact = re.sub(r"[^A-Za-z0-9]", "", value).upper()
    return bool(mod_97_10.is_valid(compact[4:] + compact[:4]))


def _is_imei(value: str) -> bool:
    digits = re.sub(r"\D", "", value)
    return len(digits) == 15 and bool(imei.is_valid(digits)) and len(set(digits)) > 3


def _begins_with_date(value: str) -> bool:
    """Of birth: day or year first."""
    first, month, last = int(value[:2]), int(value[2:4]), int(value[4:6])
    return 0 < month <= 12 and (0 < first <= 31 or 0 < last <= 31)


def _is_singaporean(value: str) -> bool:
    """NRIC and FIN: weights 2 7 6 5 4 3 2, modulo 11."""
    total = sum(int(d) * w for d, w in zip(value[1:8], (2, 7, 6, 5, 4, 3, 2), strict=True))
    total += {"T": 4, "G": 4, "M": 3}.get(value[0], 0)
    letters = {"S": "JZIHGFEDCBA", "T": "JZIHGFEDCBA", "M": "KLJNPQRTUWX"}
    return letters.get(value[0], "XWUTRQPNMLK")[total % 11] == value[8]


def _base58check(alphabet: str) -> Check:
    """Base58Check (Bitcoin wiki): 4 bytes of a double SHA-256 close the address."""

    def passes(value: str) -> bool:
        number = 0
        for character in value:
            number = number * 58 + alphabet.index(character)
        size = 25 if number < 256**25 else 26
        if number >= 256**size:
            return False
        raw = number.to_bytes(size, "big")
        return sha256(sha256(raw[:-4]).digest()).digest()[:4] == raw[-4:]

    return passes


def _is_segwit(value: str) -> bool:
    """Version 0 by its checksum; taproot (Bech32m) by its length."""
    return bool(bitcoin.is_valid(value)) or (value.lower().startswith("bc1p") and len(value) == 62)


def _valid(check: Callable[[str], bool]) -> Check:
    def passes(value: str) -> bool:
        compact = re.sub(r"[\s.\-/]", "", value)
        return len(set(compact)) > 2 and bool(check(compact))

    return passes


def _one_of(*countries: ModuleType) -> Check:
    """For countries whose numbers look alike."""
    return _valid(lambda value: any(country.is_valid(value) for country in countries))


def _as_written(check: Callable[[str], bool]) -> Check:
    """For numbers whose separator says something, such as a century."""
    return lambda value: bool(check(value.upper()))


def _row(
    kind: str, pattern: str, check: Check, cue: str | None = None, needles: tuple[str, ...] = ()
) -> Rule:
    words = re.compile(rf"(?i)\b(?:{cue})") if cue else None
    return Rule(kind, re.compile(_B + f"(?:{pattern})" + _E), needles, check, words, 60)


# Characters after the two letters of the country: ISO 13616 registry, release 99 (2024).
_IBANS = {
    13: "NO",
    14: "BE",
    16: "DK FI FK FO GL NL SD",
    17: "MK SI",
    18: "AT BA EE KZ LT LU MN XK",
    19: "CH HR LI LV",
    20: "BG BH CR DE GB GE IE ME RS VA",
    21: "AE GI IL IQ OM SO TL",
    22: "AD CZ ES MD PK RO SA SE SK TN VG",
    23: "LY PT ST",
    24: "IS TR",
    25: "BI DJ FR GR IT MC MR SM",
    26: "AL AZ BY CY DO GT HN HU LB NI PL SV",
    27: "BR EG PS QA UA",
    28: "JO KW MU YE",
    29: "MT SC",
    30: "LC",
    31: "RU",
}
# The same for VAT numbers of the EU: European Commission, VIES.
_VATS = {
    8: "DK FI HU LU MT SI",
    9: "AT BG CY CZ DE EE EL ES IE LT PT",
    10: "BE BG CZ PL RO SK",
    11: "FR HR IT LV",
    12: "LT NL SE",
}


def _of_length(lengths: Mapping[int, str]) -> str:
    """Two letters of a country, then as many digits and capitals, in groups."""
    return "|".join(
        f"(?:{names.replace(' ', '|')})(?:[ .-]?[A-Z0-9]){{{size}}}"
        for size, names in sorted(lengths.items(), reverse=True)
    )


_D = r"[ .\-]?"
_ID = "national_id"
_TAX = "tax_id"

_NUMBERS: tuple[Rule, ...] = (
    _row("iban", rf"(?=[A-Za-z]{{2}}[ -]?\d\d)(?i:{_of_length(_IBANS)})", _is_iban),
    _row("credit_card", r"\d{13,19}|\d{4}(?:[ \-./_]\d{4}){3}", _is_card),
    _row("credit_card", r"\d{4}[ -]\d{6}[ -]\d{4,5}|\d{4}(?:[ -]\d{4}){3}[ -]\d{3}", _is_card),
    _row("device_id", r"\d{2}[ -]?\d{6}[ -]?\d{6}[ -]?\d", _is_imei),
    # Two check digits, or one and a date: these speak for themselves.
    _row(
        _ID,
        r"[12][ .]?\d\d[ .]?\d\d[ .]?(?:\d\d|2[AB])[ .]?\d{3}[ .]?\d{3}[ .]?\d\d",
        _valid(fr_nir.is_valid),
    ),
    _row(_ID, r"\d\d[.]?\d\d[.]?\d\d[ -]?\d{3}[. ]?\d\d", _valid(be_nn.is_valid)),
    _row(_ID, r"\d{3}[. ]?\d{3}[. ]?\d{3}[-/ ]?\d\d", _valid(br_cpf.is_valid)),
    _row(_TAX, r"\d\d[. ]?\d{3}[. ]?\d{3}[/ ]?\d{4}[- ]?\d\d", _valid(br_cnpj.is_valid)),
    _row(_ID, r"756[. ]?\d{4}[. ]?\d{4}[. ]?\d\d", _valid(ch_ssn.is_valid)),
    _row(_ID, r"\d{17}[\dXx]", _valid(cn_ric.is_valid)),
    _row(_ID, r"\d{1,2}\.?\d{3}\.?\d{3}-[\dkK]", _valid(cl_rut.is_valid)),
    _row(_ID, r"\d{8}[ -]?[A-Za-z]", _valid(es_dni.is_valid)),
    _row(_ID, r"[XYZxyz][ -]?\d{7}[ -]?[A-Za-z]", _valid(es_nie.is_valid)),
    _row(_TAX, r"[ABCDEFGHJNPQRSUVW][ -]?\d{7}[ -]?[0-9A-J]", _valid(es_cif.is_valid)),
    _row(_ID, r"\d{6}[-+ABCDEFUVWXY]\d{3}[0-9A-Z]", _as_written(fi_hetu.is_valid)),
    _row(
        _ID,
        r"(?i:[A-Z]{6}\d[0-9LMNPQRSTUV][A-EHLMPRST]\d[0-9LMNPQRSTUV][A-Z][0-9LMNPQRSTUV]{3}[A-Z])",
        _valid(it_cf.is_valid),
    ),
    _row(_ID, r"(?i:[A-Z]{4}\d{6}[HMX][A-Z]{5}[0-9A-Z]\d)", _valid(mx_curp.is_valid)),
    _row(_TAX, r"[A-ZÑ&]{3,4}[ -]?\d{6}[ -]?[A-Z0-9]{2}[0-9A]", _valid(mx_rfc.is_valid)),
    _row(_ID, r"\d{6}-?[1-8]\d{6}", _valid(kr_rrn.is_valid)),
    _row(_ID, r"\d{6}[ ]?\d{5}", _valid(no_fnr.is_valid)),
    _row(_ID, r"(?:19|20)?\d{6}[-+ ]\d{4}|(?:19|20)\d{10}", _as_written(se_pnr.is_valid)),
    _row(_ID, r"\d{13}|\d{6} \d{4} (?:\d{3}|\d\d \d)", _one_of(ro_cnp, si_emso, za_idnr)),
    _row(_ID, r"\d{6}-?\d{4}", _one_of(bg_egn, is_kennitala)),
    _row(_ID, r"\d{6}-\d{4}|\d{6}-\d{2}-\d{4}", _begins_with_date),
    _row(_TAX, r"(?:2[03-7]|3[034])-?\d{8}-?\d", _valid(ar_cuit.is_valid)),
    _row(_TAX, r"\d{12}", _valid(ru_inn.is_valid)),
    _row(_TAX, r"9\d\d-\d\d-\d{4}", lambda value: bool(us_itin.is_valid(value))),
    _row(_ID, r"\d{5}-\d{7}-\d|\d{3}-\d{3}-\d{3} \d\d|[A-Z]{1,2}\d{6}\([0-9A]\)", anything),
    _row(_ID, r"[STFGM]\d{7}[A-Z]", _is_singaporean),
    _row(_ID, r"\d{11}", _one_of(pl_pesel, tr_tc, ee_ik, lt_asmens, gr_amka)),
    _row(_ID, r"\d{6}/\d{3,4}", _valid(cz_rc.is_valid)),
    _row(_ID, r"\d{8} ?\d ?[A-Z0-9]{2}\d", _valid(pt_cc.is_valid)),
    _row(_ID, r"\d-?\d{4}-?\d{5}-?\d\d-?\d", _valid(th_pin.is_valid)),
    _row(_ID, r"[2-9]\d{3}[ -]\d{4}[ -]\d{4}|[2-9]\d{11}", _valid(in_aadhaar.is_valid)),
    _row(_ID, r"\d{7}[A-W][ABHWTX]?", _valid(ie_pps.is_valid)),
    _row(
        _ID,
        r"(?!000|666|9\d\d)\d{3}([- ])(?!00)\d\d\1(?!0000)\d{4}",
        lambda v: bool(us_ssn.is_valid(v.replace(" ", "-"))),
    ),
    _row(_ID, r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d\d ?\d\d ?\d\d ?[A-D]", lambda _: True),
    _row(_TAX, r"[A-Z]{3}[ABCFGHLJPT][A-Z]\d{4}[A-Z]", _valid(in_pan.is_valid)),
    _row(_TAX, r"\d{2}[A-Z]{5}\d{4}[A-Z][1-9A-Z]Z[0-9A-Z]", _valid(in_gstin.is_valid)),
    _row(_TAX, r"CHE[ -]?\d{3}\.?\d{3}\.?\d{3}", _valid(ch_uid.is_valid)),
    _row(_TAX, r"GB ?\d{3} ?\d{4} ?\d\d(?: ?\d{3})?", _valid(gb_vat.is_valid)),
    _row(_TAX, _of_length(_VATS), _valid(eu_vat.is_valid)),
    _row(_ID, r"\d{2} ?\d{3} ?\d{3} ?\d{3}", _valid(de_idnr.is_valid)),
    _row(_ID, r"\d{3} \d{3} \d{3}|\d{3}-\d{3}-\d{3}", _valid(ca_sin.is_valid)),
    _row(_ID, r"\d{2} ?\d{6} ?[A-Z] ?\d{3}", lambda v: 0 < int(v.replace(" ", "")[4:6]) < 13),
)

# One check digit only: a word beside them must say what they are.
_CUED: tuple[Rule, ...] = (
    _row(_ID, r"\d{9}", _valid(ca_sin.is_valid), r"sin\b|social insurance|assurance sociale"),
    _row(
        _ID,
        rf"\d{{4}}{_D}\d{{5}}|\d{{3}}{_D}\d{{3}}{_D}\d{{3}}|\d{{4}}\.\d\d\.\d{{3}}",
        _valid(nl_bsn.is_valid),
        r"bsn|burgerservice|sofi",
    ),
    _row("health_id", r"\d{3}[ -]?\d{3}[ -]?\d{4}", _valid(gb_nhs.is_valid), r"nhs"),
    _row(_ID, r"\d{4} ?\d{6}", _valid(at_vnr.is_valid), r"svnr|sv-|sozialvers|versicherung"),
    _row(_ID, r"\d{9}", _valid(il_idnr.is_valid), r"teudat|israel|id\b"),
    _row(_ID, r"\d{11}", _valid(hr_oib.is_valid), r"oib|osobni"),
    _row(_TAX, r"\d{3}[ -]?\d{3}[ -]?\d{2,3}", _valid(au_tfn.is_valid), r"tfn|tax file"),
    _row(_TAX, r"\d\d ?\d{3} ?\d{3} ?\d{3}", _valid(au_abn.is_valid), r"abn|business number"),
    _row(_TAX, r"\d{3}[ -]?\d{3}[ -]?\d{3}", _valid(pt_nif.is_valid), r"nif|contribuinte|fiscal"),
    _row(_TAX, r"\d{11}", _valid(it_iva.is_valid), r"p\.? ?iva|partita|vat"),
    _row(_TAX, r"\d{3}-?\d{3}-?\d\d-?\d\d|\d{3}-\d\d-\d\d-\d{3}", _valid(pl_nip.is_valid), r"nip"),
    _row(_TAX, r"\d{2,3}[ -]?\d{3}[ -]?\d{3}", _valid(nz_ird.is_valid), r"ird|inland"),
    _row(_TAX, r"\d{10}", _valid(gb_utr.is_valid), r"utr|unique tax"),
    _row(_TAX, r"\d{2} ?\d\d ?\d{3} ?\d{3} ?\d{3}", _valid(fr_nif.is_valid), r"fiscal|spi\b|nif"),
    _row(_TAX, r"\d{3} ?\d{3} ?\d{3} ?\d{5}", _valid(fr_siret.is_valid), r"siret"),
)

_WALLETS: tuple[Rule, ...] = (
    _row("crypto_address", r"[13][1-9A-HJ-NP-Za-km-z]{25,34}", _base58check(_BITCOIN)),
    _row("crypto_address", r"[LMDXtTA9][1-9A-HJ-NP-Za-km-z]{32,34}", _base58check(_BITCOIN)),
    _row("crypto_address", r"r[1-9A-HJ-NP-Za-km-z]{24,34}", _base58check(_RIPPLE)),
    _row("crypto_address", r"(?i:bc1[a-z0-9]{20,80})", _is_segwit, needles=("bc1",)),
    _row(
        "crypto_address", r"(?:ltc1|tb1|addr1|cosmos1|bnb1|terra1)[a-z0-9]{30,110}", lambda _: True
    ),
    _row("crypto_address", r"0x[0-9a-fA-F]{40}", lambda v: len(set(v)) > 6, needles=("0x",)),
    _row("crypto_address", r"[48][1-9A-HJ-NP-Za-km-z]{94}", lambda v: len(set(v)) > 20),
    _row(
        "crypto_address",
        r"[1-9A-HJ-NP-Za-km-z]{43,44}",
        lambda v: bool(re.search(r"\d", v)),
        r"sol(?:ana)?\b|wallet",
        ("sol", "wallet"),
    ),
)

# Where digits stand close together, and where a long word holds some.
NUMBERS = Group(_NUMBERS, near(r"\d(?:[^\d\n]{0,6}\d){3,}", 24, 24))
CUED_NUMBERS = Group(
    _CUED,
    near(
        (
            r"\b(?:sin\b|social insur|assurance soc|bsn|burgerserv|sofi|nhs|svnr|sv-|sozialv"
            r"|versicher|teudat|israel|id\b|oib|osobni|tfn|tax|abn|business num|nif|contrib|fiscal"
            r"|iva|vat|nip|ird|inland|utr|spi\b|siret)"
        ),
        8,
        90,
    ),
)
WALLETS = Group(_WALLETS, near(r"[a-z0-9]{25,}", 48, 1))

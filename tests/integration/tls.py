"""TLS in front of a server that has none of its own, with a certificate of our own authority."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HOST = "127.0.0.1"
# What a client of PostgreSQL sends before TLS (protocol 3.0, SSLRequest), and the server's yes.
_SSL_REQUEST, _YES = bytes.fromhex("0000000804d2162f"), b"S"


class Authority:
    """`ca_file` is what a client trusts; `context` is the server's side, for 127.0.0.1."""

    def __init__(self, folder: Path) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tests")])
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(
                x509.SubjectAlternativeName([x509.IPAddress(ip_address(HOST))]), critical=False
            )
            .sign(key, hashes.SHA256())
        )
        self.ca_file, key_file = folder / "ca.pem", folder / "key.pem"
        pem = serialization.Encoding.PEM
        self.ca_file.write_bytes(certificate.public_bytes(pem))
        plain = serialization.NoEncryption()
        key_file.write_bytes(
            key.private_bytes(pem, serialization.PrivateFormat.TraditionalOpenSSL, plain)
        )
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(self.ca_file, key_file)


@asynccontextmanager
async def tls_before(
    port: int, authority: Authority, *, postgres: bool = False
) -> AsyncIterator[int]:
    """The port of a TLS server whose connections go on, decrypted, to `port`."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if postgres:
            assert await reader.readexactly(len(_SSL_REQUEST)) == _SSL_REQUEST
            writer.write(_YES)
            await writer.start_tls(authority.context)
        answers, requests = await asyncio.open_connection(HOST, port)
        await asyncio.gather(_pump(reader, requests), _pump(answers, writer))

    context = None if postgres else authority.context
    server = await asyncio.start_server(serve, HOST, 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while some := await reader.read(65536):
            writer.write(some)
            await writer.drain()
    except OSError:
        return  # the other side has gone
    finally:
        writer.close()

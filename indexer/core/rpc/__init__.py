"""Transactions out of what RPC nodes answer: getTransaction, getBlock, logsNotification.

Only fields that are used are read, and only their shapes are checked; `err` and everything unknown
are opaque. Encodings json, jsonParsed and base64 (base58 too) give the same Transaction. Two things
can go wrong: `Malformed`, it is no such answer; `Unavailable`, it is one, and its body cannot be
read, so that it says nothing about the chain.

`TRANSACTION`, `block_reading` and `head_reading` read the same from the bytes of an answer (core/jsonrpc.py): what is
usual in one typed pass, everything else by the `parse_` functions.
"""

from indexer.core.jsonrpc import Malformed as Malformed
from indexer.core.rpc.block import Block as Block
from indexer.core.rpc.block import BlockHead as BlockHead
from indexer.core.rpc.block import BlockTask as BlockTask
from indexer.core.rpc.block import block_reading as block_reading
from indexer.core.rpc.block import head_reading as head_reading
from indexer.core.rpc.block import parse_block as parse_block
from indexer.core.rpc.notification import parse_notification as parse_notification
from indexer.core.rpc.shapes import MAX_SLOT as MAX_SLOT
from indexer.core.rpc.transaction import TRANSACTION as TRANSACTION
from indexer.core.rpc.transaction import parse_transaction as parse_transaction

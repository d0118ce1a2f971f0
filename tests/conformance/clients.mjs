// Ask the addresses of the first argument (JSON) with the clients of others, and print as JSON what they read.
//
// Nothing is judged here: the caller knows the chain and compares. What a client refuses ends the program.

import {Connection, PublicKey} from '@solana/web3.js'
import {HttpClient} from '@subsquid/http-client'
import normalization from '@subsquid/solana-normalization'
import subsquidRpc from '@subsquid/solana-rpc'
import stream from '@subsquid/solana-stream'
import validation from '@subsquid/util-internal-validation'

const asked = JSON.parse(process.argv[2])
const told = {}

async function web3() {
    const connection = new Connection(asked.rpc, 'confirmed') // The WebSocket: one port above, as it derives it.
    const address = new PublicKey(asked.program)
    const config = {commitment: 'finalized', maxSupportedTransactionVersion: 0}
    const notified = []
    const enough = new Promise(resolve => {
        connection.onLogs(address, (logs, context) => {
            notified.push({slot: context.slot, ...logs})
            if (notified.length == asked.notifications) resolve()
        }, 'processed')
    })
    told.genesisHash = await connection.getGenesisHash()
    told.version = await connection.getVersion()
    told.slots = [await connection.getSlot('finalized'), await connection.getSlot('processed')]
    told.epoch = await connection.getEpochInfo()
    told.blockHeight = await connection.getBlockHeight()
    told.firstAvailable = await connection.getFirstAvailableBlock()
    told.blocks = await connection.getBlocks(asked.slots[0], asked.slots.at(-1), 'finalized')
    told.blockTime = await connection.getBlockTime(asked.slots[0])
    told.latest = await connection.getLatestBlockhash()
    told.block = await connection.getBlock(asked.slots[0], config)
    told.parsedBlock = await connection.getParsedBlock(asked.slots[0], config)
    told.skipped = await connection.getBlock(asked.skipped, config).catch(error => error.message)
    told.versionTooHigh = await connection.getBlock(asked.slots[0], {commitment: 'finalized'}).catch(error => error.code)
    told.signatures = await connection.getSignaturesForAddress(address, {limit: 20}, 'finalized')
    const named = told.signatures.map(row => row.signature)
    told.older = await connection.getSignaturesForAddress(address, {before: named[4], until: named[9]}, 'finalized')
    told.transactions = await connection.getTransactions(named.slice(0, 3), config) // A batch.
    told.parsed = await connection.getParsedTransaction(named[0], config)
    told.statuses = await connection.getSignatureStatuses(named.slice(0, 2), {searchTransactionHistory: true})
    told.account = await connection.getAccountInfo(new PublicKey(asked.account))
    told.owned = (await connection.getProgramAccounts(new PublicKey(asked.owner))).map(one => one.pubkey.toBase58())
    await enough
    told.notified = notified
}

// The archive's own reading of blocks: what the portal must send of the same blocks. Null where it fails an assertion of
// its own, as it does where a line calls and no instruction is left.
async function normalized() {
    const rpc = new subsquidRpc.Rpc(new stream.SolanaRpcClient({url: asked.rpc, retryAttempts: 0}))
    const silent = {warn() {}, error() {}}
    told.normalized = {}
    for (const slot of asked.slots) {
        const options = {commitment: 'finalized', maxSupportedTransactionVersion: 0, transactionDetails: 'full'}
        const [block] = await rpc.getBlockBatch([slot], options)
        const source = {hash: block.blockhash, height: block.blockHeight, slot, block}
        try {
            told.normalized[slot] = normalization.mapRpcBlock(source, silent)
        } catch (error) {
            if (error.code != 'ERR_ASSERTION') throw error
            told.normalized[slot] = null
        }
    }
}

// The portal by the archive's HTTP client and its validators; there is no published client of the portal itself.
async function portal() {
    const {array, ANY, ANY_OBJECT, B58, BIG_NAT, BOOLEAN, cast, NAT, nullable, object, option, STRING} = validation
    const block = object({
        header: object({number: NAT, hash: B58, parentNumber: NAT, parentHash: B58, height: NAT, timestamp: NAT}),
        transactions: option(array(object({
            transactionIndex: NAT, version: ANY, accountKeys: array(B58), signatures: array(B58), err: nullable(ANY_OBJECT),
            fee: BIG_NAT, computeUnitsConsumed: BIG_NAT, hasDroppedLogMessages: BOOLEAN,
            loadedAddresses: option(object({readonly: array(B58), writable: array(B58)})),
        }))),
        instructions: option(array(object({
            transactionIndex: NAT, instructionAddress: array(NAT), programId: B58, accounts: array(B58), data: B58,
            isCommitted: BOOLEAN, hasDroppedLogMessages: BOOLEAN, computeUnitsConsumed: option(BIG_NAT), error: ANY,
        }))),
        logs: option(array(object({
            transactionIndex: NAT, logIndex: NAT, instructionAddress: array(NAT), programId: B58, kind: STRING,
            message: STRING,
        }))),
    })
    const http = new HttpClient({retryAttempts: 0})
    told.portalHead = await http.get(`${asked.portal}/finalized-head`)
    told.portal = []
    let from = asked.slots[0]
    while (from <= asked.slots.at(-1)) {
        const query = {...asked.query, fromBlock: from, toBlock: asked.slots.at(-1)}
        const answer = await http.request('POST', `${asked.portal}/finalized-stream`, {json: query, stream: true})
        let text = ''
        for await (const chunk of answer.body) text += chunk.toString()
        for (const line of text.split('\n').filter(line => line)) {
            const parsed = JSON.parse(line)
            cast(block, parsed)
            told.portal.push(parsed)
            from = parsed.header.number + 1
        }
    }
}

await Promise.all([web3(), normalized(), portal()])
const shown = JSON.stringify(told, (_, value) => typeof value == 'bigint' ? value.toString() : value)
process.stdout.write(shown, () => process.exit(0))

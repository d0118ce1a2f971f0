"""Discriminators and lengths that were established without these IDL files.

They come from decoded chain bytes, program sources and peers' decoders, so an IDL that drifts from the chain disagrees
with them. A line is: name, discriminator in hex, length in bytes of the newest layout. `206-270`: depends on options;
`461-`: no upper bound; `?`: no length is known from elsewhere.
"""

# What the lengths count before the borsh body: Drift a discriminator, Jupiter the self-CPI tag and a discriminator.
HEADER = {"drift.json": 8, "drift_vaults.json": 8, "jupiter_perps.json": 16, "gmsol_store.json": 0}

EVENTS = {
    "drift.json": """
        NewUserRecord ecba71db2a3395f9 146
        DepositRecord b4f1dacf66872c86 206-270
        SpotInterestRecord b7bacbbae1bb5f82 94
        FundingPaymentRecord 083b601489c9385f 138
        FundingRateRecord 4403ff1a855b93fe 154
        CurveRecord 65ee28e4462e3d75 278
        SignedMsgOrderRecord d3c519128e56711b 104-
        OrderRecord 681340385915025a 144
        OrderActionRecord e0344347c2ed6d01 59-330
        LPRecord 65163626b20d8e6f 83
        LiquidationRecord 7f11006cb60de735 461-
        SettlePnlRecord 3944691a77c6d559 99
        InsuranceFundRecord 38ded7eb4ec56392 84
        InsuranceFundStakeRecord 44429c07d894fa72 163
        InsuranceFundSwapRecord 55be63cbed21e364 244
        TransferProtocolIfSharesToRevenuePoolRecord d1768ea7822ea497 74
        SwapRecord a2bb7bc28a38faf1 92
        SpotMarketVaultDepositRecord b2d917bc7fbe2049 82
        DeleteUserRecord 476fbe76070384de 83-115
        FuelSweepRecord 295425f684f08308 168
        FuelSeasonRecord 13897721e0f90657 160
        RevenueShareSettleRecord 3da2590a18143b2d 47-111
        LPSettleRecord d0bf836ead300702 138
        LPSwapRecord 9f3e82c4604fb0fe 248
        LPMintRedeemRecord 35b28e494e5b5b08 245
        LPBorrowLendDepositRecord f2b50b38f33d4fd2 93
        AdminWithdrawFromInsuranceFundRecord e6ec0a00c429932d ?
    """,
    "drift_vaults.json": """
        VaultRecord 2681158ba4aa1086 26
        VaultDepositorRecord b1ac0b4a13d8950b 227
        VaultDepositorV1Record 2435de07694a064c 283
        ShareTransferRecord 9a820ad4ad689ab7 200
        FuelSeasonRecord 13897721e0f90657 160
        FeeUpdateRecord 1e58f1bcd88d2f01 89
        ManagerBorrowRecord 93b4700e3c7407c1 124
        ManagerRepayRecord dc8b250f1b4a4340 132
        ManagerUpdateBorrowRecord cb3f586b26ea3594 112
    """,
    "jupiter_perps.json": """
        CreatePositionRequestEvent 02ee5e3569d32eba 334-390
        ClosePositionRequestEvent 15225c9ee01db4f3 133-134
        IncreasePositionEvent f5715534d6bb9984 373-413
        IncreasePositionPreSwapEvent ed6b098b164b04d5 64
        DecreasePositionEvent 409c2b4a6d83107f 391-439
        DecreasePositionPostSwapEvent 17d210e962f55952 57-65
        LiquidateFullPositionEvent 806547a880485654 362
        PoolSwapEvent 286bd41adf8827dc 216
        PoolSwapExactOutEvent 79760b0bc6428e73 216
        AddLiquidityEvent 1bb299ba2fc48c2d 160
        RemoveLiquidityEvent 8dc7b67b9f5ed766 136
        InstantCreateTpslEvent f236065f188d67c6 298
        InstantUpdateTpslEvent b1162f2578f61165 298
        InstantCreateLimitOrderEvent 0aa3557381e050c0 329
        InstantIncreasePositionEvent cdec3904d16a5745 306-338
        InstantDecreasePositionEvent abad6a19efbe3a3b 372-436
        DepositCollateralEvent a90e66949b8912eb 224
        WithdrawCollateralEvent 91262e57be95fdbf 288
        BorrowFromCustodyEvent 17798344a8460e4c 216
        RepayToCustodyEvent e83674afba18f9dd 208
        LiquidateBorrowPositionEvent 0b80fc3b31c038aa 208
        RedeemStakeEvent 00f1548d8baada6e 152
        WithdrawStakeEvent 2f55efd6cf1d9758 152
        DelegateStakeEvent 55874bdea8859fd4 168
        WithdrawFeesEvent ec768a5a8badb159 248
        LiquidatePositionEvent 68452084d423bf2f 354
    """,
    "gmsol_store.json": """
        TradeEvent bddb7fd34ee661ee 1232
        PositionIncreased 493af7b564edf951 ?
        PositionDecreased fb9725cc7f5773e8 ?
        SwapExecuted 96a61ae11c59264f ?
        DepositExecuted 81806a4dfc2ba529 264
        WithdrawalExecuted 254ec7c03344ada2 248
        DepositRemoved 3f36e8c922ee7b09 ?
        WithdrawalRemoved 5798a64310e91b38 ?
        ShiftRemoved 7e8689d3d68379bc ?
        GlvDepositRemoved d0a2f6d9bf0e0e24 ?
        GlvWithdrawalRemoved 989553d4dde148cf ?
        GlvPricing b8420ec92406f2a4 122
        GlvTokenValue 9657c0f6f3255694 81
        MarketTokenValue c03473bd692cfe79 89
        MarketStateUpdated d5cd28f571e63a12 ?
        MarketFeesUpdated b00f7da1abd4f71c 272
        BorrowingFeesUpdated 5c0c5bce2dd8ed97 80
        OrderUpdated ac8cd2f16c757a91 ?
        OrderRemoved 549b798ef0eb9017 ?
        OrderCreated e001e53ffe3cbe9f ?
        DepositCreated 92e1b585c2ad3647 72
        WithdrawalCreated 2c8630279035f44d 72
        GtUpdated 85c7f20fdaa1f415 ?
        GtBuyback 9b9a638aeb38f064 ?
        InsufficientFundingFeePayment f7970ccb743ba58c 129
        BuilderFeeCharged 80f2cd7aa3a6d172 144
        BuilderFeeSettled 5c9cb9b9c7ab1852 160
        BuilderFeeFactorSet 043eca6fe22e83cb 160
    """,
}

# Some of these enclose no event and are in no IDL file here; the rule that gives their discriminators is the same.
INSTRUCTIONS = {
    "jupiter_perps.json": """
        addLiquidity2 e4a24e1c46db7473
        borrowFromCustody 99b741417121f92d
        closePositionRequest 2869d9bcdc2d6d6e
        closePositionRequest2 7944a21cd82fc842
        closePositionRequest3 7a822112d32ca13a
        decreasePosition4 b9a172af609403aa
        decreasePositionWithTpsl 6c12cbd1e36741a5
        increasePosition4 439335172b391043
        instantDecreasePosition 2e17f02c1e8a5e8c
        instantDecreasePosition2 a2bfc83e8b3eb011
        instantIncreasePosition a47e44b6dfa640b7
        liquidateFullPosition4 40b05833a8bc9caf
        refreshAssetsUnderManagement a200d737e10fb900
        removeLiquidity2 e6d7527ff165e392
        swap2 414b3f4ceb5b5b88
        swapWithTokenLedger 8b8deec529d3ac13
        withdrawFees2 fc808f91e1dd9fcf
    """,
    "gmsol_store.json": """
        auto_deleverage d245a3942cf5e2aa
        close_deposit c813fec00f6ed1b3
        close_order 5a67d11c073fa804
        create_deposit 9d1e0b8110a6734b
        create_order 8d3625cfedd2fad7
        execute_decrease_order 29c8930efae14f86
        execute_glv_deposit 1251d61552e894b1
        execute_glv_shift d1beaf3390622dc9
        execute_glv_withdrawal a191ffc8e008b787
        execute_increase_or_swap_order e71ea601e9459885
        execute_increase_or_swap_order_v2 9f7ec2055c6bc7b7
        execute_shift 2e706808609ddefd
        execute_withdrawal 7179cbe8898bf8f9
        initialize_market 2323bdc19b30aacb
        liquidate dfb3e27d302e274a
        mint_gt_reward 798edf0d82585eec
    """,
}

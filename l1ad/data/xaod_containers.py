"""Name the trigger containers of ATLAS xAOD files that are read, and what of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Container:
    """Name a container and what of it is read: auxiliary variables, in the order its conversion takes them (energy first).

    Attributes:
        name: without ``Aux`` or ``AuxDyn``.
        variables: what must be there.
        optional: what is read where it is there.
    """

    name: str
    variables: tuple[str, ...]
    optional: tuple[str, ...] = ()


_PT = ("pt", "eta", "phi")
_TOB = ("tobEt", "tobEtScale", "eta", "phi")

#: Level-1 containers by kind; the first that a file has is read. jFEX stores counts and MeV of a count, all others MeV. The last ones
#: are those of the legacy system of Runs 1, 2 and early 3. Names: athena Trigger/TriggerCommon/TrigEDMConfig, variables: Event/xAOD/xAODTrigger.
ROIS: dict[str, tuple[Container, ...]] = {
    "jet": (
        Container("L1_jFexSRJetRoI", _TOB),
        Container("LVL1JetRoIs", ("et8x8", "eta", "phi")),
    ),
    "tau": (
        Container("L1_eTauRoI", ("et", "eta", "phi")),
        Container("L1_cTauRoI", ("et", "eta", "phi")),
        Container("L1_jFexTauRoI", _TOB),
        Container("LVL1EmTauRoIs", ("tauClus", "eta", "phi")),
    ),
    "eg": (
        Container("L1_eEMRoI", ("et", "eta", "phi")),
        Container("LVL1EmTauRoIs", ("emClus", "eta", "phi")),
    ),
    "muon": (Container("LVL1MuonRoIs", ("roiWord", "eta", "phi"), ("thrValue",)),),
    "met": (
        Container("L1_jFexMETRoI", ("tobEx", "tobEy", "tobEtScale", "fpgaNumber")),
        Container("LVL1EnergySumRoI", ("energyX", "energyY")),
    ),
}
#: Software-trigger containers by kind, those of Run 3 before those of Run 2; momenta in MeV.
HLT: dict[str, tuple[Container, ...]] = {
    "jet": (
        Container("HLT_AntiKt4EMTopoJets_subjesIS", _PT),
        Container("HLT_AntiKt4EMPFlowJets_subresjesgscIS_ftf", _PT),
        Container("HLT_xAOD__JetContainer_a4tcemsubjesISFS", _PT),
    ),
    "electron": (
        Container("HLT_egamma_Electrons_GSF", _PT),
        Container("HLT_egamma_Electrons", _PT),
        Container("HLT_xAOD__ElectronContainer_egamma_Electrons", _PT),
    ),
    "muon": (
        Container("HLT_MuonsCB_RoI", _PT),
        Container("HLT_MuonsCB_FS", _PT),
        Container("HLT_Muons_RoI", _PT),
        Container("HLT_Muons_FS", _PT),
    ),
    "photon": (Container("HLT_egamma_Photons", _PT),),
    "met": (
        Container("HLT_MET_tcpufit", ("ex", "ey")),
        Container("HLT_MET_pfopufit", ("ex", "ey")),
        Container("HLT_MET_cell", ("ex", "ey")),
        Container("HLT_MET_mht", ("ex", "ey")),
        Container("HLT_xAOD__TrigMissingETContainer_TrigEFMissingET_mht", ("ex", "ey")),
    ),
}
#: Containers that hold trigger objects and are not read, with the reason.
NOT_READ = {
    "L1_jFexLRJetRoI": "large-radius jets have no kind in the layouts",
    "L1_gFexSRJetRoI": "η is stored as an index only, and ATLAS releases differ in the forward towers' centres",
    "L1_gFexLRJetRoI": "η is stored as an index only, and ATLAS releases differ in the forward towers' centres",
    "L1_jFexFwdElRoI": "forward electrons have no kind in the layouts",
}

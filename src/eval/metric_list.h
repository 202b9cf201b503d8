// Every metric: one line here, one function in a file of its family.
#pragma once

#include "eval/metric.h"

namespace relprop::eval {

// Each reads its parameters and returns the measuring function.
Protocol outsideInside(Parameters& p);           // localisation.cpp
Protocol pointingGame(Parameters& p);            // localisation.cpp
Protocol relevanceMass(Parameters& p);           // localisation.cpp
Protocol relevanceRank(Parameters& p);           // localisation.cpp
Protocol energyPointingGame(Parameters& p);      // localisation.cpp
Protocol gridPointingGame(Parameters& p);        // mosaic.cpp
Protocol pixelAccuracy(Parameters& p);           // segmentation.cpp
Protocol meanIou(Parameters& p);                 // segmentation.cpp
Protocol insertion(Parameters& p);               // insertion_deletion.cpp
Protocol deletion(Parameters& p);                // insertion_deletion.cpp
Protocol idScore(Parameters& p);                 // insertion_deletion.cpp
Protocol regionPerturbation(Parameters& p);      // perturbation.cpp
Protocol negativePerturbation(Parameters& p);    // perturbation.cpp
Protocol sparseness(Parameters& p);              // shape.cpp
Protocol complexity(Parameters& p);              // shape.cpp
Protocol sensitivityN(Parameters& p);            // sampling.cpp
Protocol infidelity(Parameters& p);              // sampling.cpp
Protocol continuity(Parameters& p);              // sampling.cpp
Protocol areaUnderRoc(Parameters& p);            // detection.cpp
Protocol meanAveragePrecision(Parameters& p);    // detection.cpp
Protocol symmetricRelevanceGain(Parameters& p);  // flipping.cpp
Protocol removeAndDebias(Parameters& p);         // flipping.cpp
Protocol averageDrop(Parameters& p);             // drop.cpp
Protocol completeness(Parameters& p);            // axioms.cpp
Protocol robustness(Parameters& p);              // axioms.cpp
Protocol conservation(Parameters& p);            // sanity.cpp
Protocol randomisation(Parameters& p);           // sanity.cpp
Protocol efficientRandomisation(Parameters& p);  // sanity.cpp

}  // namespace relprop::eval

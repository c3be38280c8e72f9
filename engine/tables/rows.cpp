#include "engine/tables/rows.h"

WIRE_CODEC_HERE(perdure::tables::PartitionRow);
WIRE_CODEC_HERE(perdure::tables::InvocationRow);
WIRE_CODEC_HERE(perdure::tables::CompletedRow);
WIRE_CODEC_HERE(perdure::tables::OutboxRow);

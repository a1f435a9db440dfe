package handler

// UpdateFeatures (key 57): versions 0-2 (KIP-584).
//
//	v1  kinds of update, and validation only (KIP-778)
//	v2  no result for each feature: all are updated, or none is

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/metadata"
	"github.com/chortal/chortal/broker/internal/server"
)

// Kinds of update of UpdateFeatures. A request of version 0 has none: Kafka takes it for an upgrade, whatever it says of
// downgrades, and so do we.
const (
	featureUpgrade         = 1
	featureSafeDowngrade   = 2
	featureUnsafeDowngrade = 3
)

func (h *Handlers) updateFeatures(ctx context.Context, c *server.Conn, req *kmsg.UpdateFeaturesRequest) (*kmsg.UpdateFeaturesResponse, error) {
	r := h.request(ctx, c, "UpdateFeatures")
	resp := kmsg.NewPtrUpdateFeaturesResponse()
	h.configs.Lock() // levels are read, checked and proposed
	defer h.configs.Unlock()
	r.img = h.metadata.Image()
	if err := r.updateFeatures(req); err != nil {
		resp.ErrorCode, resp.ErrorMessage = r.code(err), message(err)
		return resp, nil
	}
	for _, in := range req.FeatureUpdates {
		out := kmsg.NewUpdateFeaturesResponseResult()
		out.Feature, out.ErrorMessage = in.Feature, kmsg.StringPtr("NONE")
		resp.Results = append(resp.Results, out)
	}
	return resp, nil
}

func (r *request) updateFeatures(req *kmsg.UpdateFeaturesRequest) error {
	var recs []metadata.Record
	for i := range req.FeatureUpdates {
		in := &req.FeatureUpdates[i]
		if slices.ContainsFunc(req.FeatureUpdates[i+1:], func(later kmsg.UpdateFeaturesRequestFeatureUpdate) bool { return later.Feature == in.Feature }) {
			continue // the last one counts
		}
		if req.Version == 0 {
			in.UpgradeType = featureUpgrade
		}
		changes, err := r.checkFeature(in)
		if err != nil {
			const all = "The update failed for all features since the following feature had an error: Invalid update version %d for feature %s. %w: %w"
			return fmt.Errorf(all, in.MaxVersionLevel, in.Feature, err, kerr.InvalidUpdateVersion)
		}
		if changes {
			recs = append(recs, &metadata.FeatureRecord{Name: in.Feature, Level: in.MaxVersionLevel})
		}
	}
	if req.ValidateOnly || len(recs) == 0 {
		return nil
	}
	if _, err := r.h.metadata.Propose(recs); err != nil {
		return err
	}
	for _, rec := range recs {
		r.h.log.InfoContext(r.ctx, "finalize feature", "feature", rec.(*metadata.FeatureRecord).Name, "level", rec.(*metadata.FeatureRecord).Level)
	}
	return nil
}

// checkFeature tells whether an update changes anything, or why it may not be made.
func (r *request) checkFeature(in *kmsg.UpdateFeaturesRequestFeatureUpdate) (changes bool, err error) {
	if in.UpgradeType < featureUpgrade || in.UpgradeType > featureUnsafeDowngrade {
		return false, errors.New("The controller does not support the given upgrade type.") //nolint:staticcheck // Kafka's text
	}
	all := supported(r.h.routes)
	at := slices.IndexFunc(all, func(f feature) bool { return f.name == in.Feature })
	level := int16(0)
	if at >= 0 {
		level = all[at].level(r.img)
	}
	switch to := in.MaxVersionLevel; {
	case to < 0:
		return false, errors.New("A feature version cannot be less than 0.") //nolint:staticcheck // Kafka's text
	case at < 0 && to == 0:
		return false, fmt.Errorf("Feature %s not found.", in.Feature) //nolint:staticcheck // Kafka's text
	case at < 0:
		return false, fmt.Errorf("Local controller %d does not support this feature.", r.h.node) //nolint:staticcheck // Kafka's text
	case to > all[at].max:
		return false, fmt.Errorf("Local controller %d only supports versions 0-%d", r.h.node, all[at].max) //nolint:staticcheck // Kafka's text
	case to < level && in.UpgradeType == featureUpgrade:
		return false, errors.New("Can't downgrade the version of this feature without setting the upgrade type to either safe or unsafe downgrade.") //nolint:staticcheck // Kafka's text
	case to > level && in.UpgradeType != featureUpgrade:
		return false, errors.New("Can't downgrade to a newer version.") //nolint:staticcheck // Kafka's text
	default:
		return to != level, nil
	}
}
